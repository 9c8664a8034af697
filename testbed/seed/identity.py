"""Users, roles, projects and the catalog. Usage: identity.py PASSWORD REGION ADDRESS "SERVICE SERVICE …" """
import sys

import openstack

password, region, address, enabled = sys.argv[1:]
enabled = enabled.split()
identity = openstack.connect().identity
domain = identity.find_domain("default") or identity.find_domain("Default")

CATALOG = (
    ("glance", "image", "glance", ":9292"),
    ("placement", "placement", "placement", ":8778"),
    ("nova", "compute", "nova", ":8774/v2.1"),
    ("neutron", "network", "neutron", ":9696"),
    ("cinder", "volumev3", "cinderv3", ":8776/v3/%(project_id)s"),
    ("cinder", "block-storage", "cinder", ":8776/v3/%(project_id)s"),
    ("octavia", "load-balancer", "octavia", ":9876"),
    ("barbican", "key-manager", "barbican", ":9311"),
    ("swift", "object-store", "swift", ":8888/v1/AUTH_%(project_id)s"),
)


def project(name):
    return identity.find_project(name, domain_id=domain.id) or identity.create_project(
        name=name, domain_id=domain.id
    )


def user(name):
    return identity.find_user(name, domain_id=domain.id) or identity.create_user(
        name=name, password=password, domain_id=domain.id
    )


def role(name):
    return identity.find_role(name) or identity.create_role(name=name)


service_project = project("service")
admin_role, member, reader, service_role = (role(n) for n in ("admin", "member", "reader", "service"))
for name in ("load-balancer_observer", "load-balancer_member", "load-balancer_admin", "creator", "ResellerAdmin"):
    role(name)
for name in enabled:
    if name == "keystone":
        continue
    for granted in (admin_role, service_role):
        identity.assign_project_role_to_user(service_project, user(name), granted)
admin = identity.find_user("admin")
for name in ("demo", "alt"):
    for granted in (member, reader, role("load-balancer_member")):
        identity.assign_project_role_to_user(project(name), user(name), granted)
    identity.assign_project_role_to_user(project(name), admin, admin_role)

services = {s.type: s for s in identity.services()}
endpoints = {(e.service_id, e.interface) for e in identity.endpoints()}
for owner, kind, name, rest in CATALOG:
    if owner not in enabled:
        continue
    entry = services.get(kind) or identity.create_service(name=name, type=kind)
    for interface in ("public", "internal", "admin"):
        if (entry.id, interface) not in endpoints:
            identity.create_endpoint(
                service_id=entry.id, interface=interface, url=f"http://{address}{rest}", region_id=region
            )
