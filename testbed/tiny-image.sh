#!/usr/bin/env bash
# tiny-image.sh OUT.qcow2 - a bootable guest of 15 MiB: Debian's cloud kernel, busybox and dropbear.
#
# It does DHCP, OpenStack metadata (ssh key, host name, user-data scripts), ssh for root and cirros, and
# answers http on port 80. What runs inside is in guest/. Boots in five seconds without KVM.
set -euo pipefail
OUT=$1
GUEST=$(cd "$(dirname "${BASH_SOURCE[0]}")/guest" && pwd)
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
root=$work/root
MODULES="virtio_pci virtio_blk virtio_net virtio-rng virtio_console virtio_scsi sr_mod isofs"

fetch() { # PACKAGE DIR  unpacks a package without installing it
  apt-get download -qq "$1" 2>/dev/null
  dpkg-deb -x "$1"_*.deb "$2"
}

# Copies a kernel module after everything it depends on, and notes the order of loading.
add_module() { # NAME
  local path
  path=$(cd "$kernel_dir" && find . -name "$1.ko" | head -1)
  [ -z "$path" ] || add_module_file "${path#./}"
}
add_module_file() { # PATH below the module directory
  local name dependency
  name=$(basename "$1")
  [ -e "$root/lib/modules/$name" ] && return 0
  for dependency in $(sed -n "s#^$1:##p" "$kernel_dir/modules.dep"); do add_module_file "$dependency"; done
  cp "$kernel_dir/$1" "$root/lib/modules/$name"
  echo "$name" >>"$root/lib/modules/order"
}

with_libraries() { # PROGRAM  copies the shared libraries it needs
  local library
  for library in $(ldd "$1" | grep -o '/[^ ]*'); do
    mkdir -p "$root$(dirname "$library")"; cp -Ln "$library" "$root$library"
  done
}

kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends:/{print $2; exit}')
fetch "$kernel" k
version=$(ls k/lib/modules); kernel_dir=k/lib/modules/$version
depmod -b k "$version" 2>/dev/null

mkdir -p "$root"/{bin,sbin,dev,proc,sys,etc/dropbear,tmp,run,root/.ssh,home/cirros/.ssh,lib/modules,var/log,www,usr/bin,usr/sbin,mnt}
: >"$root/lib/modules/order"
for module in $MODULES; do add_module "$module"; done
fetch busybox b
cp b/bin/busybox "$root/bin/busybox"
cp /usr/sbin/dropbear /usr/bin/dropbearkey "$root/usr/sbin/"
for program in /usr/sbin/dropbear /usr/bin/dropbearkey "$root/bin/busybox"; do with_libraries "$program"; done

# Both users are root: tests change interfaces as `cirros`.
printf 'root:x:0:0:root:/root:/bin/sh\ncirros:x:0:0:cirros:/home/cirros:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\ncirros:x:1000:\n' >"$root/etc/group"
printf 'root:*:19000:0:99999:7:::\ncirros:*:19000:0:99999:7:::\n' >"$root/etc/shadow"; chmod 600 "$root/etc/shadow"
printf '/bin/sh\n' >"$root/etc/shells"
# Without these two glibc's getaddrinfo crashes.
printf '127.0.0.1 localhost\n' >"$root/etc/hosts"; printf 'hosts: files dns\npasswd: files\n' >"$root/etc/nsswitch.conf"
printf '#!/bin/sh\nexec "$@"\n' >"$root/bin/sudo"
cp "$GUEST/init" "$root/init"; cp "$GUEST/udhcpc.sh" "$root/etc/udhcpc.sh"; cp "$GUEST/curl" "$root/usr/bin/curl"
chmod 755 "$root/init" "$root/bin/sudo" "$root/etc/udhcpc.sh" "$root/usr/bin/curl"
(cd "$root" && find . -print0 | cpio --null -o -H newc --quiet | gzip -9) >initrd

# A disk with an MBR and one FAT partition that syslinux boots.
disk=$work/disk.raw; truncate -s 40M "$disk"
printf 'label: dos\nstart=2048, type=e, bootable\n' | sfdisk -q "$disk"
dd if=/usr/lib/syslinux/mbr/mbr.bin of="$disk" conv=notrunc bs=440 count=1 status=none
offset=$((2048 * 512)); export MTOOLS_SKIP_CHECK=1
mformat -i "$disk@@$offset" -h 16 -t 38 -s 126 -H 2048 :: 2>/dev/null \
  || mformat -i "$disk@@$offset" -T $(( (40 * 1024 * 1024 - offset) / 512 )) -H 2048 -h 16 -s 63 ::
cat >syslinux.cfg <<EOF
DEFAULT t
PROMPT 0
TIMEOUT 0
SERIAL 0 115200
LABEL t
 KERNEL /vmlinuz
 INITRD /initrd
 APPEND console=tty0 console=ttyS0,115200n8 quiet tsc=unstable clocksource=jiffies no_timer_check nokaslr mitigations=off panic=5
EOF
mcopy -i "$disk@@$offset" "k/boot/vmlinuz-$version" ::/vmlinuz
mcopy -i "$disk@@$offset" initrd syslinux.cfg ::/
syslinux --offset $offset --install "$disk"
mkdir -p "$(dirname "$OUT")"
qemu-img convert -c -O qcow2 "$disk" "$OUT"
ls -l "$OUT"
