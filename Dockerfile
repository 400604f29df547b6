# docker build -t ruvector-server .
# docker run -e RUVECTOR_PASSWORD=... -p 5432:5432 -v ruvector-data:/data ruvector-server

FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY server server
COPY engine engine
COPY quantization quantization
COPY simd simd
RUN python -m venv /opt/ruvector && /opt/ruvector/bin/pip install --no-cache-dir .

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /data --create-home ruvector
COPY --from=build /opt/ruvector /opt/ruvector
USER ruvector
VOLUME /data
EXPOSE 5432
STOPSIGNAL SIGTERM
# Beyond the loopback address the server refuses to start without RUVECTOR_PASSWORD or --password-file.
ENTRYPOINT ["/opt/ruvector/bin/ruvector-server", "serve", "--data-dir", "/data", "--host", "0.0.0.0", "--port", "5432"]
