#!/usr/bin/env bash
# Builds the CPU target of the Dockerfile and tries what it promises: it runs without rights, on a read-only root file
# system without even a /tmp, answers, is found healthy by its own check, and ends what it has accepted on SIGTERM.
#
#   tests/containers/run.sh [--real]        as root on Debian, with buildah, podman, runc, curl (and debootstrap)
#
# Without --real nothing is pulled: the base images that the Dockerfile names are stand-ins under their names,
#   dotnet/sdk       -> Debian 12 with the .NET SDK of this machine
#   dotnet/aspnet    -> Debian 12 with the .NET runtime of this machine
#   ...-chiseled     -> the C and C++ libraries, OpenSSL and certificates of Debian 12 with that runtime; no shell
# so that what is tried is the Dockerfile and the service, not Microsoft's images. Made once, in artifacts/containers.
set -euo pipefail
cd "$(dirname "$0")/../.."

image=localhost/visionservice:test
work=$PWD/artifacts/containers
base=mcr.microsoft.com/dotnet
# These storage, runtime and limit options are for machines that are containers themselves; the image needs none of them.
storage=(--storage-driver=vfs)
run=(podman "${storage[@]}" --runtime=runc --cgroup-manager=cgroupfs)
mkdir -p "$work"

say() { printf '%s\n' "- $*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }

import() { # FOLDER IMAGE [CHANGE...]: a folder as an image of that name
  local folder=$1 name=$2 changes=()
  shift 2
  for change in "$@"; do changes+=(--change "$change"); done
  tar -C "$folder" -c . | podman "${storage[@]}" import "${changes[@]}" - "$name" > /dev/null 2>&1 || fail "cannot import $name"
}

stand_ins() {
  local dotnet debian=$work/debian tag
  dotnet=$(dirname "$(readlink -f "$(command -v dotnet)")")
  tag=$(sed -n 's/^ARG DOTNET=//p' Dockerfile)-noble
  podman "${storage[@]}" image exists "$base/aspnet:$tag-chiseled" && return
  [[ -x $debian/usr/bin/apt-get ]] || debootstrap --variant=minbase --include=ca-certificates bookworm "$debian" > "$work/debootstrap.log" 2>&1 \
    || fail "debootstrap, see $work/debootstrap.log"
  cp /etc/ssl/certs/ca-certificates.crt "$debian/etc/ssl/certs/"

  # The SDK, as its image has it: on the path, and invariant, as it would otherwise want ICU.
  rm -rf "$debian/usr/share/dotnet" && cp -r "$dotnet" "$debian/usr/share/dotnet"
  ln -sf /usr/share/dotnet/dotnet "$debian/usr/bin/dotnet"
  import "$debian" "$base/sdk:$tag" "ENV DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=true"

  rm -rf "$debian"/usr/share/dotnet/{sdk,sdk-manifests,packs,templates,metadata}
  import "$debian" "$base/aspnet:$tag"

  # Like Ubuntu's chiselled images: the files of a few packages, and no shell.
  rm -rf "$work/chiseled" && mkdir -p "$work/chiseled"
  local packages=(base-files libc6 libgcc-s1 libstdc++6 libssl3 zlib1g)
  (cd "$debian" && {
    chroot . dpkg-query -L "${packages[@]}" | grep -v -e /usr/share/doc -e /usr/share/lintian | sed -E 's,^/,./,; s,^\./(bin|sbin|lib|lib64)/,./usr/\1/,' | while read -r path; do
      [[ -d $path && ! -L $path ]] || printf '%s\n' "$path"
    done
    printf '%s\n' ./bin ./lib ./lib64 ./sbin ./etc/ssl/certs/ca-certificates.crt ./etc/passwd ./etc/group ./etc/nsswitch.conf ./usr/share/dotnet ./usr/bin/dotnet
  } | sort -u | while read -r path; do [[ -e $path || -L $path ]] && printf '%s\n' "$path"; done | tar -c -T - ) | tar -x -C "$work/chiseled"
  mkdir -p "$work/chiseled"/{tmp,proc,sys,dev,run}
  import "$work/chiseled" "$base/aspnet:$tag-chiseled" \
    "ENV DOTNET_RUNNING_IN_CONTAINER=true" "ENV ASPNETCORE_HTTP_PORTS=8080"
}

build() {
  # buildah before 1.29 builds every stage that stands before the target, also those it does not need.
  awk '/^FROM/ { skip = / AS cuda/ } !skip' Dockerfile > "$work/Dockerfile"
  local arguments=()
  [[ $real == true ]] || arguments+=(--pull=never --build-arg TURBOJPEG=libturbojpeg0)
  [[ -r $HOME/.nuget/NuGet/NuGet.Config ]] && arguments+=(--secret "id=nuget,src=$HOME/.nuget/NuGet/NuGet.Config")
  buildah "${storage[@]}" bud --isolation=chroot --format=docker "${arguments[@]}" \
    --build-arg REVISION="$(git rev-parse HEAD)" -f "$work/Dockerfile" -t "$image" . > "$work/build.log" 2>&1 \
    || { tail -30 "$work/build.log" >&2; fail "the build, see $work/build.log"; }
}

picture() { # FILE: 32 x 32 pixels, a bright square on a dark ground, as a BMP
  {
    printf 'BM\x36\x0c\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x20\0\0\0\x20\0\0\0\x01\0\x18\0\0\0\0\0\0\x0c\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
    for ((y = 0; y < 32; y++)); do
      for ((x = 0; x < 32; x++)); do
        if ((x > 8 && x < 24 && y > 8 && y < 24)); then printf '\xf0\xc0\x40'; else printf '\x20\x40\x10'; fi
      done
    done
  } > "$1"
}

start() { # NAME [OPTION...]: as a careful operator would, and without a /tmp; podman would need systemd for the health check
  local name=$1
  shift
  "${run[@]}" run --detach --no-healthcheck --name "$name" --network=host --read-only --read-only-tmpfs=false --cap-drop=all \
    --security-opt=no-new-privileges --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 \
    --env Api__Address=127.0.0.1 --env Api__HttpPort="$port" --env Api__GrpcPort=$((port + 1)) --env Imaging__UseTurbo=true "$@" "$image" > /dev/null
  for ((i = 0; i < 300; i++)); do
    curl -sf "$url/readyz" > /dev/null && return
    sleep 0.1
  done
  "${run[@]}" logs "$name" >&2
  fail "not ready within 30 seconds"
}

clean_up() { "${run[@]}" rm --force --time 0 vision-test > /dev/null 2>&1 || true; }

real=false
[[ ${1:-} == --real ]] && real=true
port=18080
url=http://127.0.0.1:$port
trap clean_up EXIT
clean_up

[[ $real == true ]] || { stand_ins; say "Base images: stand-ins from Debian 12 and this machine's .NET"; }
build
size=$("${run[@]}" image inspect --format '{{.Size}}' "$image")
help=$("${run[@]}" run --rm --no-healthcheck --network=host --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 --entrypoint /app/VisionService "$image" --help) \
  || fail "--help"
say "Built: $((size / 1000000)) MB; ${help%%$'\n'*}"

start vision-test
say "Ready, on a read-only root without /tmp, without capabilities, with libturbojpeg"
user=$("${run[@]}" top vision-test user | tail -1)
[[ $user != root && $user != 0 ]] || fail "it runs as $user"
say "Runs as user $user"

picture "$work/square.bmp"
curl -sf -F "image=@$work/square.bmp" "$url/classify?top_k=1" | grep -o '"label":"[^"]*"' > "$work/label" || fail "/classify"
curl -sf -F "image=@$work/square.bmp" "$url/detect" | grep -q '"predictions":' || fail "/detect"
curl -sf -F "image=@$work/square.bmp" "$url/segment?mask=none" | grep -q '"fraction":' || fail "/segment"
curl -sf -F "image=@$work/square.bmp" -H 'Accept: image/jpeg' "$url/explain" -o "$work/why.jpg" || fail "/explain"
curl -sf -F "image=@$work/why.jpg" "$url/classify?top_k=1" > /dev/null || fail "/classify of a JPEG"
say "Answers: $(cat "$work/label") for a drawn square; boxes, a map of classes; an explanation, drawn as a JPEG; that JPEG again"

"${run[@]}" exec vision-test /app/VisionService health > /dev/null || fail "the health check"
[[ $("${run[@]}" image inspect --format '{{.HealthCheck.Test}}' "$image") == "[CMD /app/VisionService health]" ]] || fail "HEALTHCHECK is missing"
if "${run[@]}" exec vision-test /app/VisionService health --http-port 1 > /dev/null 2>&1; then fail "the health check finds a service where there is none"; fi
say "Is healthy by its own check, which also says no"

# Explanations of 512 runs each are under way when the signal comes.
for ((i = 0; i < 8; i++)); do
  curl -s -o /dev/null -w '%{http_code}\n' -F "image=@$work/square.bmp" "$url/explain?method=rise" > "$work/drain-$i" &
  callers[i]=$!
done
for ((i = 0; i < 200; i++)); do
  curl -s "$url/models/cifar10-resnet20" | grep -qE '"running": *[1-9]' && break
  sleep 0.05
done
"${run[@]}" stop --time 35 vision-test > /dev/null
wait "${callers[@]}" || true
answers=$(cat "$work"/drain-[0-7] | sort | uniq -c | awk '{ printf "%s x %s ", $1, $2 }')
code=$("${run[@]}" inspect --format '{{.State.ExitCode}}' vision-test)
[[ $code == 0 ]] || fail "exit code $code after SIGTERM"
grep -q 200 "$work"/drain-[0-7] || fail "nothing was under way: $answers"
if grep -qv -e 200 -e 503 "$work"/drain-[0-7]; then fail "requests were lost: $answers"; fi
say "Ends on SIGTERM with exit code 0; the requests of that moment: $answers"
echo "All held."
