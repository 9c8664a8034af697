#!/bin/sh
# What busybox' DHCP client calls with the lease in its environment.
case "$1" in
deconfig) ip addr flush dev $interface; ip link set $interface up ;;
bound|renew)
  ip addr flush dev $interface; ip addr add $ip/${mask:-24} dev $interface
  [ -n "$mtu" ] && ip link set $interface mtu $mtu
  # classless routes (option 121) carry the metadata route; they replace the router option
  if [ -n "$staticroutes" ]; then
    set -- $staticroutes
    while [ $# -ge 2 ]; do
      if [ "$2" = 0.0.0.0 ]; then ip route replace $1 dev $interface
      else ip route replace $1 via $2 dev $interface onlink; fi
      shift 2
    done
  else
    for g in $router; do ip route replace default via $g dev $interface; done
  fi
  : >/etc/resolv.conf; for d in $dns; do echo "nameserver $d" >>/etc/resolv.conf; done ;;
esac
