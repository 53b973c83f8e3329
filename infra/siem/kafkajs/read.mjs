// Findings, one line each, as they come: node read.mjs > findings.ndjson
// KAFKA_BROKERS, KAFKA_CA, KAFKA_USERNAME and KAFKA_PASSWORD say where and as whom; GROUP is this consumer's own.
import { readFileSync } from 'node:fs'
import { Kafka, logLevel } from 'kafkajs'

const { KAFKA_BROKERS, KAFKA_CA, KAFKA_USERNAME, KAFKA_PASSWORD, GROUP = 'siem-kafkajs' } = process.env

const kafka = new Kafka({
  clientId: GROUP,
  brokers: KAFKA_BROKERS.split(','),
  ssl: { ca: [readFileSync(KAFKA_CA, 'utf8')] },
  sasl: { mechanism: 'scram-sha-512', username: KAFKA_USERNAME, password: KAFKA_PASSWORD },
  logLevel: logLevel.ERROR,
})
const consumer = kafka.consumer({ groupId: GROUP })

await consumer.connect()
await consumer.subscribe({ topics: ['mcp.alerts.ocsf'], fromBeginning: true })
await consumer.run({
  eachMessage: async ({ message }) => {
    process.stdout.write(`${message.value.toString('utf8')}\n`)
  },
})
process.once('SIGTERM', () => consumer.disconnect().then(() => process.exit(0)))
