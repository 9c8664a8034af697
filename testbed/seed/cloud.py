"""Flavors, the external network, aggregates, a volume type, images. Usage: cloud.py CIDR GATEWAY IMAGE-DIR

`blank` boots on the simulated hosts only, `tiny` on the real one only: their `img_hv_type` decides.
"""
import os
import sys

import openstack

cidr, gateway, image_dir = sys.argv[1:]
cloud = openstack.connect()

FLAVORS = (
    ("m1.nano", 1, 128, 1),
    ("m1.micro", 1, 192, 1),
    ("SCS-1L-1", 1, 1024, 0),
    ("SCS-1V-4", 1, 4096, 0),
    ("SCS-2V-8", 2, 8192, 0),
    ("SCS-2V-4-20s", 2, 4096, 20),
)
for name, vcpus, ram, disk in FLAVORS:
    if not cloud.compute.find_flavor(name):
        cloud.compute.create_flavor(name=name, vcpus=vcpus, ram=ram, disk=disk, is_public=True)

if not cloud.block_storage.find_type("files"):
    cloud.block_storage.create_type(name="files", extra_specs={"volume_backend_name": "files"})

network = cloud.network.find_network("public") or cloud.network.create_network(
    name="public",
    is_router_external=True,
    provider_network_type="flat",
    provider_physical_network="physnet1",
)
if not cloud.network.find_subnet("public-v4"):
    base = cidr.rsplit(".", 1)[0]
    cloud.network.create_subnet(
        name="public-v4",
        network_id=network.id,
        ip_version=4,
        cidr=cidr,
        gateway_ip=gateway,
        is_dhcp_enabled=False,
        allocation_pools=[{"start": f"{base}.10", "end": f"{base}.250"}],
    )

aggregates = {a.name: a for a in cloud.compute.aggregates()}
hosts = {s.host for s in cloud.compute.services(binary="nova-compute")}
fake = {host for host in hosts if host.startswith("fake-")}
for name, members in (("fake", fake), ("real", hosts - fake)):
    if not members:
        continue
    aggregate = aggregates.get(name) or cloud.compute.create_aggregate(name=name, availability_zone=name)
    for host in members - set(aggregate.hosts or []):
        cloud.compute.add_host_to_aggregate(aggregate, host)


def upload(name, path, disk_format, **properties):
    if os.path.exists(path) and not cloud.image.find_image(name):
        cloud.create_image(
            name,
            filename=path,
            disk_format=disk_format,
            container_format="bare",
            visibility="public",
            wait=True,
            timeout=120,
            **properties,
        )


os.makedirs(image_dir, exist_ok=True)
blank = os.path.join(image_dir, "blank.img")
if not os.path.exists(blank):
    with open(blank, "wb") as file:
        file.truncate(1 << 20)
upload("blank", blank, "raw", min_disk=0, min_ram=0, img_hv_type="fake")
upload(
    "tiny",
    os.path.join(image_dir, "tiny.img"),
    "qcow2",
    img_hv_type="qemu",
    hw_vif_model="virtio",
    hw_disk_bus="virtio",
    hw_rng_model="virtio",
    os_distro="debian",
)
