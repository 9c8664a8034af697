"""Waits until so many compute hosts are up and have reported their resources. Usage: computes.py COUNT"""
import sys
import time

import openstack

want, end = int(sys.argv[1]), time.monotonic() + 120
compute = openstack.connect().compute
up = []
while time.monotonic() < end:
    up = sorted(s.host for s in compute.services(binary="nova-compute") if s.state == "up")
    if len(up) >= want and len(list(compute.hypervisors())) >= want:
        sys.exit(0)
    time.sleep(1)
sys.exit(f"only {up} of {want} compute hosts came up in two minutes")
