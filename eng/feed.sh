#!/usr/bin/env bash
# Fills the local package feed (eng/packages) with what the configured package sources cannot supply.
#
# With the full NuGet every probe below succeeds and nothing is fetched or packed. Behind a partial mirror the missing
# packages are packed under their own ids and versions, from other packages that mirrors carry; npm is needed only then.
# Called by Feed.targets before the first restore; the stamp it is given says that the matter is settled.
set -euo pipefail

stamp=${1:?usage: feed.sh STAMP}
here=$(cd "$(dirname "$0")" && pwd)
feed=$here/packages
work=$(dirname "$here")/artifacts/feed
mkdir -p "$feed" "$work"

# Two restores of the same tree may run at once: the second waits, and then finds the stamp.
exec 9> "$work/lock"
if command -v flock > /dev/null; then flock 9; fi
[[ -e $stamp ]] && exit 0

# The build that calls us must not leak its own settings into the builds that we start.
unset MSBuildSDKsPath MSBuildExtensionsPath MSBUILD_EXE_PATH MSBuildLoadMicrosoftTargetsReadOnly DOTNET_HOST_PATH 2> /dev/null || true
export MSBUILDDISABLENODEREUSE=1

cache=$(dotnet nuget locals global-packages --list | sed 's/^[^:]*: *//')

supplied() { # PACKAGE: can the sources restore it at the version in Directory.Packages.props?
  dotnet restore "$here/feed/probe/probe.csproj" -p:Package="$1" --force --verbosity quiet > "$work/probe-$1.log" 2>&1 || return 1
  # A copy that some feed like this one left in the machine's cache is no source: the cache may be cleared tomorrow.
  ! grep -qs '"source": ".*eng/packages"' "$cache/${1,,}"/*/.nupkg.metadata
}

npm_install() { # FOLDER: the pinned packages of eng/feed/FOLDER, checked against the lock file's integrity hashes
  command -v npm > /dev/null || {
    echo "The package sources lack an ONNX Runtime package, and npm, which could supply it, is not installed (Node.js 20 or newer)." >&2
    exit 1
  }
  rm -rf "${work:?}/$1" && mkdir -p "$work/$1"
  cp "$here/feed/$1/package.json" "$here/feed/$1/package-lock.json" "$here/feed/$1/.npmrc" "$work/$1/"
  (cd "$work/$1" && npm ci --loglevel=error) > "$work/$1.log" 2>&1 || { cat "$work/$1.log" >&2; exit 1; }
}

pack() { # PACKAGE [MSBUILD ARGUMENTS]
  local package=$1
  shift
  dotnet pack "$here/feed/$package/$package.csproj" --configuration Release --output "$feed" --verbosity quiet -nodeReuse:false "$@" \
    > "$work/pack-$package.log" 2>&1 || { cat "$work/pack-$package.log" >&2; exit 1; }
  echo "Packed $package for the local feed."
}

if ! supplied Microsoft.ML.OnnxRuntime.Gpu; then
  echo "The package sources lack Microsoft.ML.OnnxRuntime.Gpu; packing it from npm (once, about a minute)."
  npm_install npm
  pack Microsoft.ML.OnnxRuntime.Gpu -p:NpmFolder="$work/npm/node_modules/"
  rm -rf "$work/npm"
fi

if ! supplied SixLabors.ImageSharp; then
  echo "The package sources lack SixLabors.ImageSharp; packing it from a tool that carries it."
  pack SixLabors.ImageSharp
fi

if [[ ${Gpu:-} == true ]] && ! supplied Microsoft.ML.OnnxRuntime.Gpu.Linux; then
  echo "The package sources lack the CUDA provider; packing it from npm (about 180 MB)."
  npm_install npm-gpu
  pack Microsoft.ML.OnnxRuntime.Gpu.Linux -p:NpmFolder="$work/npm-gpu/node_modules/"
  rm -rf "$work/npm-gpu"
fi

touch "$stamp"
