# One build, three images: `app` (worker, agent telemetry, topics), `sensor` (adds libbpf), `story` (adds the demo's parts).
# Build from the root of the project: docker build -f infra/docker/triptych.Dockerfile --target app .
FROM debian:bookworm-slim AS python
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --create-home triptych
ENV PATH=/opt/triptych/bin:/usr/local/bin:/usr/bin:/bin PYTHONUNBUFFERED=1

FROM python AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && python3 -m venv /opt/triptych
COPY . /src
RUN pip install --no-cache-dir /src

FROM build AS build-story
RUN pip install --no-cache-dir "/src[demo]"

FROM python AS app
COPY --from=build /opt/triptych /opt/triptych
USER triptych
ENTRYPOINT ["triptych"]

FROM python AS sensor
RUN apt-get update \
    && apt-get install -y --no-install-recommends libbpf1 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/triptych /opt/triptych
ENTRYPOINT ["triptych"]
CMD ["sensor"]

FROM python AS story
RUN apt-get update \
    && apt-get install -y --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build-story /opt/triptych /opt/triptych
USER triptych
ENTRYPOINT ["triptych"]
