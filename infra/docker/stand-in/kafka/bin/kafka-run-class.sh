#!/bin/sh
exec java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile=/opt/kafka/defaults/log4j2.yaml \
  -cp '/opt/kafka/libs/*' "$@"
