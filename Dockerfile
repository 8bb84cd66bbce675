# One image per resource, from one file:
#
#   docker build --build-arg RESOURCE=image --tag registry.example.com/trireme/trireme-image .
#
# Where the builder's base image is not to be had, compile beforehand and hand the result in; the stage `compile`
# is then not run:
#
#   containers/assemble image work/out
#   buildah bud --build-context compile=work --build-arg RESOURCE=image --tag trireme-image .
#
# The final image holds one static program, three symlinks to it, the CA bundle, the licences and an empty /tmp. It
# has no user database and no shell, and runs as root or as any uid, also where its root file system is read-only.
ARG BUILDER=docker.io/library/rust:1.95.0-bookworm

FROM ${BUILDER} AS compile
# The toolchain of the base image, without the development tools that rust-toolchain.toml asks for.
ENV RUSTUP_TOOLCHAIN=1.95.0
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates musl-tools \
 && rustup target add "$(uname -m)-unknown-linux-musl"
WORKDIR /source
COPY . .
# All of them, in a layer that is the same for every resource.
RUN containers/compile
ARG RESOURCE
RUN containers/assemble "${RESOURCE}" /out

FROM scratch
ARG RESOURCE
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="trireme-${RESOURCE}" \
      org.opencontainers.image.description="Concourse resource type ${RESOURCE} of Trireme" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=compile /out/ /
ENV PATH=/opt/resource
