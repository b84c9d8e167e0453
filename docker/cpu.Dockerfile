# mvot-run for CPUs: docker build -f docker/cpu.Dockerfile -t mvot .
# 3.12: there are wheels of every dependency for it, so that nothing is compiled.
FROM python:3.12-slim AS build
COPY . /source
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels /source

FROM python:3.12-slim
# What --serve, --count-line and --zone need; more by --build-arg EXTRAS=serve,supervision,mqtt
ARG EXTRAS=serve,supervision
# libgl1, libglib2.0-0: what OpenCV's libraries ask for
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*
RUN --mount=from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir "$(ls /wheels/*.whl)[${EXTRAS}]" \
    && useradd --create-home mvot
USER mvot
WORKDIR /data
# Of --serve 8080 --serve-host 0.0.0.0
EXPOSE 8080
ENTRYPOINT ["mvot-run"]
CMD ["--help"]
