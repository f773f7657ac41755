#!/bin/sh
# Builds the image of a CVM: a read-only root file system under dm-verity, and the kernel command line that names its root
# hash. The same inputs give the same bytes on every machine: build it twice, on two, before its digest is logged.
# Needs mksquashfs (squashfs-tools) and veritysetup (cryptsetup-bin), and `npm ci --ignore-scripts` in this project.
set -eu
umask 022
LC_ALL=C
export LC_ALL

here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../../../.." && pwd)
usage() {
  cat <<END
usage: build.sh --base FOLDER --node FILE --node-sha256 HEX --app FOLDER --settings FILE --out FOLDER

  --base         an unpacked minimal system: C library, a shell, mount, setpriv, and nothing that serves
  --node         the node program of a release whose signature you checked
  --node-sha256  its digest, so that two builders mean the same one
  --app          your app: FOLDER/start is run as user app, and listens on the Unix socket in APP_SOCKET
  --settings     the agent's settings; they are not in the image, only their digest is in what is printed
  --out          where rootfs, rootfs.verity, cmdline and manifest.json are written; must not exist

Prints manifest.json. Exit codes: 0 built, 1 a tool failed, 2 a mistake in the arguments.
END
}
refuse() {
  echo "build.sh: $1" >&2
  exit 2
}

base='' node='' node_sha256='' app='' settings='' out=''
while [ $# -gt 0 ]; do
  case $1 in
    --help) usage; exit 0 ;;
    --base) base=${2-} ;;
    --node) node=${2-} ;;
    --node-sha256) node_sha256=${2-} ;;
    --app) app=${2-} ;;
    --settings) settings=${2-} ;;
    --out) out=${2-} ;;
    *) refuse "no option $1; see --help" ;;
  esac
  [ $# -ge 2 ] || refuse "$1 needs a value"
  shift 2
done
[ -d "$base" ] || refuse "--base: no folder '$base'"
[ -f "$node" ] || refuse "--node: no file '$node'"
[ -x "$app/start" ] || refuse "--app: no program '$app/start'"
[ -f "$settings" ] || refuse "--settings: no file '$settings'"
[ -n "$out" ] && [ ! -e "$out" ] || refuse "--out: name a folder that does not exist yet"
digest() { sha256sum "$1" | cut -d ' ' -f 1; }
[ "$(digest "$node")" = "$node_sha256" ] || refuse "--node-sha256: the program has $(digest "$node")"

mkdir -p "$out"
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

cp -a "$base/." "$tree"
mkdir -p "$tree/asunder" "$tree/app" "$tree/usr/local/bin" "$tree/etc/asunder"
for place in proc sys dev run tmp; do mkdir -p "$tree/$place"; done
# Exactly the listed files; a test holds the list to what the two programs in gateway/cvm load.
(cd "$project" && tar -cf - -T "$here/../image.files") | tar -xf - -C "$tree/asunder"
cp -a "$app/." "$tree/app"
install -m 0755 "$node" "$tree/usr/local/bin/node"
install -m 0755 "$here/init" "$tree/asunder/init"
# Whoever built it, and whenever: owners, times and the group's rights are not part of what is measured.
find "$tree" ! -type l -exec chmod u+rX,go-w {} +
find "$tree" -exec touch -h -d @0 {} +

mksquashfs "$tree" "$out/rootfs" -noappend -quiet -no-progress -all-root -no-xattrs -comp zstd -Xcompression-level 3 \
  -mkfs-time 0 -all-time 0 -processors 1 >&2
salt=0000000000000000000000000000000000000000000000000000000000000000
veritysetup format --hash sha256 --salt "$salt" --uuid 00000000-0000-0000-0000-000000000000 \
  "$out/rootfs" "$out/rootfs.verity" > "$out/verity.txt"
root_hash=$(sed -n 's/^Root hash:[[:space:]]*//p' "$out/verity.txt")
blocks=$(sed -n 's/^Data blocks:[[:space:]]*//p' "$out/verity.txt")
rm "$out/verity.txt"

# CONFIG_DM_INIT: the kernel itself sets the device up, so that there is no initrd to trust.
table="0 $((blocks * 8)) verity 1 /dev/vda /dev/vdb 4096 4096 $blocks 1 sha256 $root_hash $salt"
printf '%s\n' "dm-mod.create=\"root,,,ro,$table\" root=/dev/dm-0 rootfstype=squashfs ro init=/asunder/init \
mitigations=auto,nosmt lockdown=confidentiality panic=-1 quiet" > "$out/cmdline"

cat > "$out/manifest.json" <<END
{
  "rootfs": "$(digest "$out/rootfs")",
  "verity": "$root_hash",
  "cmdline": "$(digest "$out/cmdline")",
  "node": "$node_sha256",
  "settings": "$(digest "$settings")"
}
END
echo "artifact for the log: $(digest "$out/manifest.json")" >&2
cat "$out/manifest.json"
