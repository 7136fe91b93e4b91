# syntax=docker/dockerfile:1
# The service as a container: `docker build .` for the CPU, `docker build --target cuda .` for NVIDIA GPUs.
#
# Both run as a user without rights on a read-only root file system, and end in order on SIGTERM without an init.
# Behind a mirror of NuGet:  --secret id=nuget,src=$HOME/.nuget/NuGet/NuGet.Config
# Packages that such a mirror lacks come along in eng/packages, once `dotnet restore` has run on this machine (eng/feed.sh).

ARG DOTNET=10.0
ARG CUDA=13.0.1-cudnn-runtime-ubuntu24.04

# --- What changes seldom comes first: packages are fetched again only when a project file or a version changes. ---
FROM mcr.microsoft.com/dotnet/sdk:${DOTNET}-noble AS projects
ENV DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
WORKDIR /source
COPY global.json nuget.config Directory.* BannedSymbols.txt .editorconfig ./
COPY eng eng
COPY src/OnnxGraph/OnnxGraph.csproj src/OnnxGraph/
COPY src/VisionService/VisionService.csproj src/VisionService/

FROM projects AS cpu-published
RUN --mount=type=secret,id=nuget,target=/root/.nuget/NuGet/NuGet.Config \
    dotnet restore src/VisionService
COPY protos protos
COPY models models
COPY src src
RUN dotnet publish src/VisionService -c Release --no-restore -o /app -p:DebugType=none && rm -f /app/*.xml

FROM projects AS cuda-published
RUN --mount=type=secret,id=nuget,target=/root/.nuget/NuGet/NuGet.Config \
    dotnet restore src/VisionService -p:Gpu=true
COPY protos protos
COPY models models
COPY src src
RUN dotnet publish src/VisionService -c Release --no-restore -o /app -p:DebugType=none -p:Gpu=true && rm -f /app/*.xml

# --- The one native library that the base images lack: large JPEGs are read several times faster with it. ---
FROM mcr.microsoft.com/dotnet/aspnet:${DOTNET}-noble AS native
# Ubuntu's name; Debian calls it libturbojpeg0.
ARG TURBOJPEG=libturbojpeg
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ${TURBOJPEG} \
    && for library in /usr/lib/*/libturbojpeg.so.0; do \
         install -D --mode=0644 "$(readlink -f "$library")" "/native$library"; \
       done

# --- NVIDIA GPUs: CUDA 13 and cuDNN 9 are NVIDIA's, the ASP.NET Core runtime is copied from its own image. ---
FROM nvidia/cuda:${CUDA} AS cuda
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libssl3t64 ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY --from=native /usr/share/dotnet /usr/share/dotnet
COPY --from=native /native /
COPY --from=cuda-published /app /app
ENV DOTNET_ROOT=/usr/share/dotnet DOTNET_RUNNING_IN_CONTAINER=true \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
# From here on as below; a test compares the two.
ENV DOTNET_EnableDiagnostics=0 ASPNETCORE_HTTP_PORTS=
WORKDIR /app
USER 1654:1654
EXPOSE 8080 8081
ENTRYPOINT ["/app/VisionService"]
HEALTHCHECK --interval=15s --timeout=5s --start-period=2m --retries=3 CMD ["/app/VisionService", "health"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="VisionService" \
      org.opencontainers.image.description="An inference server for ONNX vision models" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# --- The CPU, and what a plain build makes: no shell to speak of, no package manager, nothing but the runtime and the service. ---
FROM mcr.microsoft.com/dotnet/aspnet:${DOTNET}-noble-chiseled AS cpu
# ONNX Runtime 1.29 crashes where it finds no shell to ask about devices; it is content with one that says no.
COPY --from=native /usr/bin/false /bin/sh
COPY --from=native /native /
COPY --from=cpu-published /app /app
# No sockets or files of the debugger in /tmp; the ports are the service's own settings, not the base image's.
ENV DOTNET_EnableDiagnostics=0 ASPNETCORE_HTTP_PORTS=
WORKDIR /app
USER 1654:1654
EXPOSE 8080 8081
ENTRYPOINT ["/app/VisionService"]
HEALTHCHECK --interval=15s --timeout=5s --start-period=2m --retries=3 CMD ["/app/VisionService", "health"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="VisionService" \
      org.opencontainers.image.description="An inference server for ONNX vision models" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
