#!/bin/sh
# Installs nbexport's newest release, or the one that NBEXPORT_VERSION names, for Linux and macOS:
#
#     curl -sSfL https://github.com/OWNER/nbexport/releases/latest/download/install.sh | sh
#
# The programs go to NBEXPORT_INSTALL_DIR, or to cargo's folder of programs.
set -eu

repository="${NBEXPORT_REPOSITORY:-https://github.com/OWNER/nbexport}"
folder="${NBEXPORT_INSTALL_DIR:-${CARGO_HOME:-$HOME/.cargo}/bin}"

fail() {
    echo "error: $1" >&2
    exit 1
}

main() {
    case "$(uname -s)-$(uname -m)" in
        Linux-x86_64)
            target=x86_64-unknown-linux-gnu
            # Alpine, and what else has no glibc.
            if ldd --version 2>&1 | grep -q musl; then target=x86_64-unknown-linux-musl; fi
            ;;
        Linux-aarch64 | Linux-arm64) target=aarch64-unknown-linux-gnu ;;
        Darwin-x86_64) target=x86_64-apple-darwin ;;
        Darwin-arm64) target=aarch64-apple-darwin ;;
        *) fail "there is no release for $(uname -s) on $(uname -m): cargo install --locked nbexport" ;;
    esac
    if [ -n "${NBEXPORT_VERSION:-}" ]; then
        from="$repository/releases/download/v${NBEXPORT_VERSION#v}"
    else
        from="$repository/releases/latest/download"
    fi
    archive="nbexport-$target.tgz"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    echo "$from/$archive"
    curl -sSfL -o "$work/$archive" "$from/$archive" || fail "cannot download it"
    curl -sSfL -o "$work/sums" "$from/sha256sums.txt" || fail "cannot download its checksum"
    wanted=$(sed -n "s/ [ *]$archive\$//p" "$work/sums")
    if command -v sha256sum >/dev/null; then
        is=$(sha256sum "$work/$archive" | cut -d' ' -f1)
    else
        is=$(shasum -a 256 "$work/$archive" | cut -d' ' -f1)
    fi
    [ -n "$wanted" ] && [ "$wanted" = "$is" ] || fail "its checksum is not the release's: nothing was installed"
    tar xzf "$work/$archive" -C "$work"
    mkdir -p "$folder"
    for program in nbexport cargo-nbexport; do
        # Under another name first: one that runs is not written over.
        cp "$work/nbexport-$target/$program" "$folder/.$program.new"
        mv -f "$folder/.$program.new" "$folder/$program"
    done
    "$folder/nbexport" --version
    case ":$PATH:" in
        *":$folder:"*) ;;
        *) echo "add it to your PATH: $folder" ;;
    esac
}

# At the end, so that half a download does nothing.
main
