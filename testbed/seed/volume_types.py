"""Volume types with the descriptions that the standard SCS-0114 defines."""
import openstack

storage = openstack.connect().block_storage
TYPES = (
    ("files-encrypted", "[scs:encrypted] Encrypted in the guest's host", True),
    ("files-replicated", "[scs:replicated] Kept on more than one disk", False),
)
for name, description, encrypted in TYPES:
    if storage.find_type(name):
        continue
    made = storage.create_type(
        name=name, description=description, extra_specs={"volume_backend_name": "files"}
    )
    if encrypted:
        storage.create_type_encryption(
            made,
            provider="luks",
            cipher="aes-xts-plain64",
            key_size=256,
            control_location="front-end",
        )
