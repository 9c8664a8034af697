#!/usr/bin/python3
"""Records what python-openstackclient makes of configurations, as test data for our own reading.

Every case is a set of files, an environment and a command line. The real client is run on it up to
the moment at which it would sign in: that request is caught and written down instead of sent. Writes config_cases.json
beside itself.

The recording was made with python-openstackclient 10.5.0 (openstacksdk 4.22.0, keystoneauth1 5.18.1).
Release 6.0.0 (openstacksdk 0.101.0, in Debian 12) differs in three rules: there, what stands under
"auth" beats the environment for project, domains and token; a system scope beside another scope is
passed over; and the only cloud of a file has to be named.
"""

import io
import json
import os
import random
import sys
import tempfile
import traceback

import requests
from openstack.config import loader
from openstackclient import shell
from osc_lib import shell as osc_shell

# What plugins of the client add by themselves.
BUILT_IN = {"network_api_version", "object_store_api_version", "baremetal_api_version",
            "dns_api_version", "key_manager_api_version", "loadbalancer_api_version",
            "share_api_version"}

SETTINGS = ("_endpoint_override", "_api_version", "_default_microversion")


class Caught(BaseException):
    """The request that would have signed in."""


def catch(app):
    """Puts ourselves in the place of the network."""

    def request(_session, method, url, **arguments):
        if method == "GET":
            root = url.split("?")[0].rstrip("/").removesuffix("/v3").removesuffix("/v2.0")
            link = {"rel": "self", "href": root + "/v3/"}
            document = {"versions": {"values": [{"id": "v3.14", "status": "stable", "links": [link]}]}}
            answer = requests.Response()
            answer.status_code = 300
            answer.headers["Content-Type"] = "application/json"
            answer._content = json.dumps(document).encode()
            answer.url = url
            return answer
        manager = app.client_manager
        config = manager._cli_options.config
        found = {
            "url": url,
            "body": json.loads(arguments["data"]) if arguments.get("data") else None,
            "region": manager.region_name or None,
            "interface": manager.interface,
            "verify": bool(arguments["verify"]),
            "cacert": arguments["verify"] if isinstance(arguments["verify"], str) else None,
            "cert": arguments.get("cert"),
            "settings": {
                key: value for key, value in sorted(config.items())
                if key.endswith(SETTINGS) and key not in BUILT_IN
            },
        }
        authorization = arguments.get("headers", {}).get("Authorization")
        if authorization:
            found["authorization"] = authorization
        raise Caught(found)

    requests.Session.request = request


def run(case):
    """What the client makes of a case, in a process of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "w") as out:
            json.dump(probe(case), out)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as result:
        text = result.read()
    os.waitpid(child, 0)
    return json.loads(text)


def probe(case):
    home = tempfile.mkdtemp()
    os.chdir(home)
    os.environ.clear()
    os.environ.update({"HOME": "/home/ada", "PATH": "/usr/bin:/bin"})
    os.environ.update(case.get("env", {}))
    files = {}
    for stem in ("clouds", "secure"):
        files[stem] = []
        if case.get(stem):
            path = os.path.join(home, stem + ".yaml")
            with open(path, "w") as out:
                out.write(case[stem])
            files[stem].append(path)
    loader.CONFIG_FILES = files["clouds"]
    loader.SECURE_FILES = files["secure"]
    loader.VENDOR_FILES = []
    osc_shell.prompt_for_password = lambda prompt=None: None
    sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
    try:
        app = shell.OpenStackShell()
        catch(app)
        app.run(list(case.get("args", [])) + ["token", "issue"])
    except Caught as caught:
        return {"found": caught.args[0]}
    except BaseException:
        return {"error": traceback.format_exc().strip().splitlines()[-1]}
    lines = [line for line in sys.stderr.getvalue().strip().splitlines() if line.strip()]
    return {"error": " / ".join(lines)[-300:].replace(home, "")}


def clouds(**entries):
    return json.dumps({"clouds": entries}, indent=1)


URL = "http://ks.example:5000/v3"
USER = {"auth_url": URL, "username": "ada", "password": "s3cret", "user_domain_name": "Users"}
PROJECT = {**USER, "project_name": "demo", "project_domain_name": "Projects"}
APP = {"auth_url": URL, "application_credential_id": "ac1", "application_credential_secret": "acs"}
OIDC = {"auth_url": URL, "identity_provider": "idp", "protocol": "openid", "access_token": "at",
        "project_name": "demo", "project_domain_name": "Projects"}
ENV = {"OS_AUTH_URL": URL, "OS_USERNAME": "envuser", "OS_PASSWORD": "envpass",
       "OS_USER_DOMAIN_NAME": "EnvUsers", "OS_PROJECT_NAME": "envproject",
       "OS_PROJECT_DOMAIN_NAME": "EnvProjects"}


def without(mapping, *keys):
    return {key: value for key, value in mapping.items() if key not in keys}


def explicit():
    x = ["--os-cloud", "x"]

    def one(name, auth, args=x, env=None, secure=None, top=None, **rest):
        case = {"name": name, "args": args, "clouds": clouds(x={"auth": auth, **(top or {})})}
        if env:
            case["env"] = env
        if secure:
            case["secure"] = secure
        case.update(rest)
        return case

    yield one("password and project by name", PROJECT)
    yield one("project by id", {**USER, "project_id": "p1"})
    yield one("project by id and by name", {**PROJECT, "project_id": "p1"})
    yield one("user by id", {"auth_url": URL, "user_id": "u1", "password": "s", "project_id": "p1"})
    yield one("user by id and name", {**PROJECT, "user_id": "u1"})
    yield one("user_name is username", {**without(PROJECT, "username"), "user_name": "bob"})
    yield one("no scope", USER)
    yield one("system scope", {**USER, "system_scope": "all"})
    yield one("system scope and project", {**PROJECT, "system_scope": "all"})
    yield one("domain scope by name", {**USER, "domain_name": "D"})
    yield one("domain scope by id", {**USER, "domain_id": "d1"})
    yield one("domain scope by id and name", {**USER, "domain_id": "d1", "domain_name": "D"})
    yield one("domain beside auth", USER, top={"domain_id": "d1"})
    yield one("one domain for user and project", {**without(USER, "user_domain_name"), "project_name": "demo", "domain_name": "D"})
    yield one("one domain id for user and project", {**without(USER, "user_domain_name"), "project_name": "demo", "domain_id": "d1"})
    yield one("one domain fills only the missing", {**USER, "project_name": "demo", "domain_name": "D"})
    yield one("trust", {**USER, "trust_id": "t1"})
    yield one("trust and project", {**PROJECT, "trust_id": "t1"})
    yield one("tenant_name is project_name", {**USER, "tenant_name": "old", "project_domain_id": "default"})
    yield one("tenant_id is project_id", {**USER, "tenant_id": "old"})
    yield one("project_name beats tenant_name", {**PROJECT, "tenant_name": "old"})
    yield one("dashes in keys", {"auth-url": URL, "username": "ada", "password": "s", "user-domain-name": "U", "project-name": "demo", "project-domain-name": "P"})
    yield one("auth keys beside auth", {"auth_url": URL}, top=without(PROJECT, "auth_url"))
    yield one("beside auth beats auth for the user", PROJECT, top={"username": "top", "password": "toppass"})
    yield one("beside auth beats auth for the project, too", PROJECT, top={"project_name": "top", "project_domain_name": "Top"})
    yield one("user domain missing", without(PROJECT, "user_domain_name"))
    yield one("project domain missing", without(PROJECT, "project_domain_name"))
    yield one("default domain with identity 3", {"auth_url": URL, "username": "ada", "password": "s", "project_name": "demo"}, top={"identity_api_version": "3"})
    yield one("default domain with identity number", {"auth_url": URL, "username": "ada", "password": "s", "project_name": "demo"}, top={"identity_api_version": 3})
    yield one("default domain of the file", {"auth_url": URL, "username": "ada", "password": "s", "project_name": "demo"}, top={"identity_api_version": 3, "default_domain": "filedom"})
    yield one("default domain of the environment", {"auth_url": URL, "username": "ada", "password": "s", "project_name": "demo"}, top={"identity_api_version": 3}, env={"OS_DEFAULT_DOMAIN": "envdom"})
    yield one("default_domain_id of the method", {"auth_url": URL, "username": "ada", "password": "s", "project_name": "demo", "default_domain_id": "dd"})
    yield one("default_domain_name of the method", {"auth_url": URL, "username": "ada", "password": "s", "project_name": "demo", "default_domain_name": "DD"})
    yield one("default domain only for what is missing", without(PROJECT, "user_domain_name"), top={"identity_api_version": 3})
    yield one("identity 3.14 is not 3", without(PROJECT, "user_domain_name"), top={"identity_api_version": "3.14"})
    yield one("v3password", PROJECT, top={"auth_type": "v3password"})
    yield one("v3password without user domain", without(PROJECT, "user_domain_name"), top={"auth_type": "v3password"})
    yield one("v3password without project domain", without(PROJECT, "project_domain_name"), top={"auth_type": "v3password"})
    yield one("auth_plugin loses to the default", PROJECT, top={"auth_plugin": "v3token"})
    yield one("application credential", APP, top={"auth_type": "v3applicationcredential"})
    yield one("application credential by name", {**USER, **without(APP, "application_credential_id"), "application_credential_name": "acn"}, top={"auth_type": "v3applicationcredential"})
    yield one("application credential by id with a user", {**without(USER, "password"), **APP}, top={"auth_type": "v3applicationcredential"})
    yield one("application credential with a project", {**APP, "project_id": "p1"}, top={"auth_type": "v3applicationcredential"}, differs="a project beside an application credential is left out: the service refuses it")
    yield one("application credential without secret", without(APP, "application_credential_secret"), top={"auth_type": "v3applicationcredential"})
    yield one("application credential without id", without(APP, "application_credential_id"), top={"auth_type": "v3applicationcredential"})
    yield one("token", {"auth_url": URL, "token": "tok", "project_id": "p1"}, top={"auth_type": "token"})
    yield one("v3token", {"auth_url": URL, "token": "tok", "project_id": "p1"}, top={"auth_type": "v3token"})
    yield one("token without scope", {"auth_url": URL, "token": "tok"}, top={"auth_type": "v3token"})
    yield one("auth_token is token", {"auth_url": URL, "auth_token": "tok"}, top={"auth_type": "v3token"})
    yield one("token of the environment", {"auth_url": URL, "project_id": "p1"}, top={"auth_type": "v3token"}, env={"OS_TOKEN": "envtok"})
    yield one("token of the environment beats the file", {"auth_url": URL, "token": "tok", "project_id": "p1"}, top={"auth_type": "v3token"}, env={"OS_TOKEN": "envtok"})
    yield one("a token without auth_type", {"auth_url": URL, "token": "tok", "project_id": "p1"})
    yield one("oidc access token", OIDC, top={"auth_type": "v3oidcaccesstoken"})
    yield one("oidc without protocol", without(OIDC, "protocol"), top={"auth_type": "v3oidcaccesstoken"})
    yield one("unknown auth type", PROJECT, top={"auth_type": "v3nonsense"})
    yield one("v3totp", PROJECT, top={"auth_type": "v3totp"}, refused="v3totp")
    yield one("no auth_url", without(PROJECT, "auth_url"))
    yield one("no user", without(PROJECT, "username"))
    yield one("no password", without(PROJECT, "password"))
    yield one("unversioned auth_url", {**PROJECT, "auth_url": "http://ks.example:5000"})
    yield one("auth_url with a slash", {**PROJECT, "auth_url": URL + "/"})
    yield one("auth_url under a path", {**PROJECT, "auth_url": "http://ks.example/identity"})
    yield one("auth_url under a path with version", {**PROJECT, "auth_url": "http://ks.example/identity/v3"})
    yield one("auth_url of version 2", {**PROJECT, "auth_url": "http://ks.example:5000/v2.0"})
    yield one("region in auth_url", {**PROJECT, "auth_url": "http://{region_name}.example:5000/v3"}, top={"region_name": "north"})
    yield one("region", PROJECT, top={"region_name": "north"})
    yield one("region of the environment, not listed", PROJECT, top={"region_name": "north"}, env={"OS_REGION_NAME": "south"})
    yield one("region of the environment, none listed", PROJECT, env={"OS_REGION_NAME": "south"})
    yield one("regions, first", PROJECT, top={"regions": ["north", "south"]})
    yield one("regions, chosen", PROJECT, top={"regions": ["north", "south"]}, env={"OS_REGION_NAME": "south"})
    yield one("regions, unknown", PROJECT, top={"regions": ["north", "south"]}, env={"OS_REGION_NAME": "South"})
    yield one("regions by comma", PROJECT, top={"region_name": "north,south"}, env={"OS_REGION_NAME": "south"})
    yield one("region with values", PROJECT, top={"regions": [{"name": "north"}, {"name": "south", "values": {"interface": "internal", "auth": {"project_name": "southern"}, "image_endpoint_override": "http://south/image"}}]}, env={"OS_REGION_NAME": "south"})
    yield one("region with values loses to the environment", PROJECT, top={"regions": [{"name": "south", "values": {"interface": "internal"}}]}, env={"OS_INTERFACE": "admin"})
    yield one("region entry with a wrong key", PROJECT, top={"regions": [{"name": "north", "value": {}}]})
    yield one("region on the command line", PROJECT, args=x + ["--os-region-name", "south"])
    yield one("region on the command line beats the environment", PROJECT, args=x + ["--os-region-name", "south"], env={"OS_REGION_NAME": "north"})
    yield one("interface", PROJECT, top={"interface": "internal"})
    yield one("interface of the environment", PROJECT, top={"interface": "internal"}, env={"OS_INTERFACE": "admin"})
    yield one("interface on the command line", PROJECT, args=x + ["--os-interface", "admin"], env={"OS_INTERFACE": "internal"})
    yield one("endpoint_type is interface", PROJECT, top={"endpoint_type": "internal"})
    yield one("endpoint_type beats interface", PROJECT, top={"endpoint_type": "internal", "interface": "admin"})
    yield one("OS_ENDPOINT_TYPE is not read", PROJECT, env={"OS_ENDPOINT_TYPE": "internal"})
    yield one("publicURL", PROJECT, top={"interface": "publicURL"}, normal="interface")
    yield one("cacert", PROJECT, top={"cacert": "/etc/ca.pem"})
    yield one("cacert under home", PROJECT, top={"cacert": "~/ca.pem"})
    yield one("cacert of the environment", PROJECT, top={"cacert": "/etc/ca.pem"}, env={"OS_CACERT": "/env/ca.pem"})
    yield one("verify false", PROJECT, top={"verify": False})
    yield one("verify false with cacert", PROJECT, top={"verify": False, "cacert": "/etc/ca.pem"}, normal="cacert")
    yield one("insecure true", PROJECT, top={"insecure": True})
    yield one("insecure as text", PROJECT, top={"insecure": "True"})
    yield one("insecure with verify", PROJECT, top={"insecure": True, "verify": True})
    yield one("insecure false", PROJECT, top={"insecure": False})
    yield one("client certificate", PROJECT, top={"cert": "/c.pem", "key": "/k.pem"})
    yield one("client certificate alone", PROJECT, top={"cert": "~/c.pem"})
    yield one("client key alone", PROJECT, top={"key": "/k.pem"})
    yield one("client certificate of the environment", PROJECT, top={"cert": "/c.pem", "key": "/k.pem"}, env={"OS_CERT": "/ec.pem", "OS_KEY": "/ek.pem"})
    yield one("endpoint override", PROJECT, top={"image_endpoint_override": "http://elsewhere:9292", "compute-endpoint-override": "http://c"})
    yield one("endpoint override with region", PROJECT, top={"region_name": "north", "image_endpoint_override": "http://{region_name}/image"})
    yield one("api versions", PROJECT, top={"image_api_version": 2, "compute_api_version": 2.79, "volume_api_version": "3"})
    yield one("api version of the environment", PROJECT, top={"image_api_version": 1}, env={"OS_IMAGE_API_VERSION": "2"})
    yield one("default microversion", PROJECT, top={"compute_default_microversion": "2.90"})
    yield one("numbers are text", {**USER, "username": 42, "password": 1234, "project_id": 99})
    yield one("secure file", without(PROJECT, "password"), secure=clouds(x={"auth": {"password": "fromsecure"}}))
    yield one("secure file beats", PROJECT, secure=clouds(x={"auth": {"password": "fromsecure"}, "region_name": "north"}))
    yield one("secure file with another cloud", PROJECT, secure=clouds(y={"auth": {"password": "fromsecure"}}))
    yield {"name": "cloud only in the secure file", "args": x, "secure": clouds(x={"auth": PROJECT})}
    for key, variable, value in [
        ("username", "OS_USERNAME", "envuser"), ("password", "OS_PASSWORD", "envpass"),
        ("auth_url", "OS_AUTH_URL", "http://env.example:5000/v3"), ("user_id", "OS_USER_ID", "eu"),
        ("user_domain_name", "OS_USER_DOMAIN_NAME", "EnvD"), ("user_domain_id", "OS_USER_DOMAIN_ID", "envd"),
        ("project_name", "OS_PROJECT_NAME", "envproject"), ("project_id", "OS_PROJECT_ID", "envp"),
        ("project_domain_name", "OS_PROJECT_DOMAIN_NAME", "EnvP"), ("project_domain_id", "OS_PROJECT_DOMAIN_ID", "envpd"),
        ("tenant", "OS_TENANT_NAME", "envtenant"), ("tenant id", "OS_TENANT_ID", "envtid"),
        ("domain_name", "OS_DOMAIN_NAME", "EnvDom"), ("system_scope", "OS_SYSTEM_SCOPE", "all"),
        ("trust", "OS_TRUST_ID", "envtrust"), ("auth_type", "OS_AUTH_TYPE", "v3password"),
        ("token", "OS_TOKEN", "envtoken"),
    ]:
        yield one(f"environment against file: {key}", PROJECT, env={variable: value})
        yield one(f"environment against a file without project: {key}", USER, env={variable: value})
    yield one("OS_CLOUD chooses", PROJECT, args=[], env={"OS_CLOUD": "x"})
    yield one("command line beats OS_CLOUD", PROJECT, env={"OS_CLOUD": "y"})
    yield one("unknown cloud", PROJECT, args=["--os-cloud", "xx"])
    yield one("unknown cloud of the environment", PROJECT, args=[], env={"OS_CLOUD": "y"})
    yield one("no cloud named, one in the file", PROJECT, args=[])
    yield {"name": "no cloud named, several in the file", "clouds": clouds(x={"auth": PROJECT}, y={"auth": PROJECT})}
    yield {"name": "nothing at all"}
    yield {"name": "environment alone", "env": ENV}
    yield {"name": "environment alone, by ids", "env": {"OS_AUTH_URL": URL, "OS_USER_ID": "u1", "OS_PASSWORD": "s", "OS_PROJECT_ID": "p1"}}
    yield {"name": "environment alone, system", "env": {**without(ENV, "OS_PROJECT_NAME", "OS_PROJECT_DOMAIN_NAME"), "OS_SYSTEM_SCOPE": "all"}}
    yield {"name": "environment alone, tenant", "env": {**without(ENV, "OS_PROJECT_NAME"), "OS_TENANT_NAME": "t"}}
    yield {"name": "environment alone, default domain", "env": {**without(ENV, "OS_USER_DOMAIN_NAME", "OS_PROJECT_DOMAIN_NAME"), "OS_IDENTITY_API_VERSION": "3"}}
    yield {"name": "environment alone, application credential", "env": {"OS_AUTH_TYPE": "v3applicationcredential", "OS_AUTH_URL": URL, "OS_APPLICATION_CREDENTIAL_ID": "ac1", "OS_APPLICATION_CREDENTIAL_SECRET": "acs"}}
    yield {"name": "environment alone, application credential and identity 3", "env": {"OS_AUTH_TYPE": "v3applicationcredential", "OS_AUTH_URL": URL, "OS_APPLICATION_CREDENTIAL_ID": "ac1", "OS_APPLICATION_CREDENTIAL_SECRET": "acs", "OS_IDENTITY_API_VERSION": "3"}}
    yield {"name": "environment alone, token", "env": {"OS_AUTH_TYPE": "v3token", "OS_AUTH_URL": URL, "OS_TOKEN": "tok", "OS_PROJECT_ID": "p1"}}
    yield {"name": "environment alone, oidc", "env": {"OS_AUTH_TYPE": "v3oidcaccesstoken", "OS_AUTH_URL": URL, "OS_IDENTITY_PROVIDER": "idp", "OS_PROTOCOL": "openid", "OS_ACCESS_TOKEN": "at", "OS_PROJECT_ID": "p1"}}
    yield {"name": "environment with region and interface", "env": {**ENV, "OS_REGION_NAME": "south", "OS_INTERFACE": "internal", "OS_CACERT": "/ca.pem"}}
    yield {"name": "environment and a file that nobody names", "env": ENV, "clouds": clouds(y={"auth": PROJECT})}
    yield {"name": "environment with empty values", "env": {**ENV, "OS_PROJECT_ID": "", "OS_CLOUD": ""}}
    yield {"name": "the environment's cloud by name", "env": {**ENV, "OS_CLOUD": "envvars"}}
    yield {"name": "the environment's cloud named by OS_CLOUD_NAME", "env": {**ENV, "OS_CLOUD_NAME": "mine"}, "args": ["--os-cloud", "mine"]}
    yield {"name": "a file with a cloud of the environment's name", "env": ENV, "clouds": clouds(envvars={"auth": PROJECT})}
    yield {"name": "environment without user", "env": without(ENV, "OS_USERNAME")}
    yield {"name": "environment without auth_url", "env": without(ENV, "OS_AUTH_URL")}
    yield {"name": "an empty file", "clouds": "", "env": ENV}
    yield {"name": "a file without clouds", "clouds": "cache: {}\n", "env": ENV}
    yield {"name": "plain YAML", "args": x, "clouds": "clouds:\n  x:\n    auth:\n      auth_url: " + URL + "\n      username: ada\n      password: 'p:w'\n      user_domain_id: default\n      project_name: demo\n      project_domain_id: default\n    region_name: RegionOne\n    verify: no\n"}
    yield {"name": "YAML anchors", "args": x, "clouds": "base: &base\n  auth_url: " + URL + "\n  user_domain_id: default\n  project_domain_id: default\nclouds:\n  x:\n    auth:\n      <<: *base\n      username: ada\n      password: s\n      project_name: demo\n"}
    yield one("a vendor profile", PROJECT, top={"profile": "ovh"}, refused="vendor profile")
    yield one("an unknown key in auth", {**PROJECT, "colour": "blue"})


def drawn(count):
    """Cases drawn from pools: what is given in the file, beside auth, in the environment."""
    chance = random.Random(20261121)
    auth = {"username": "ada", "user_id": "u1", "password": "s", "user_domain_name": "UD", "user_domain_id": "ud",
            "project_name": "demo", "project_id": "p1", "project_domain_name": "PD", "project_domain_id": "pd",
            "tenant_name": "t", "tenant_id": "t1", "domain_name": "D", "domain_id": "d", "system_scope": "all",
            "default_domain_id": "dd", "user_name": "un"}
    top = {"region_name": "north", "interface": "internal", "endpoint_type": "admin", "identity_api_version": 3,
           "default_domain": "dom", "insecure": True, "verify": False, "cacert": "/ca.pem", "auth_type": "v3password"}
    env = {"OS_USERNAME": "eu", "OS_PASSWORD": "ep", "OS_USER_DOMAIN_NAME": "EUD", "OS_USER_DOMAIN_ID": "eud",
           "OS_PROJECT_NAME": "eproj", "OS_PROJECT_ID": "ep1", "OS_PROJECT_DOMAIN_NAME": "EPD", "OS_PROJECT_DOMAIN_ID": "epd",
           "OS_TENANT_NAME": "et", "OS_DOMAIN_NAME": "ED", "OS_SYSTEM_SCOPE": "all", "OS_IDENTITY_API_VERSION": "3",
           "OS_DEFAULT_DOMAIN": "edom", "OS_INTERFACE": "public", "OS_CACERT": "/eca.pem", "OS_AUTH_TYPE": "password"}

    def some(pool, share):
        return {key: value for key, value in pool.items() if chance.random() < share}

    for number in range(count):
        in_file = {"auth_url": URL, "username": "ada", "password": "s", **some(auth, 0.22)}
        if chance.random() < 0.7:
            in_file.setdefault("user_domain_name", "UD")
        beside = {**some(top, 0.2), **some(auth, 0.06)}
        yield {"name": f"drawn {number}", "args": ["--os-cloud", "x"], "env": some(env, 0.15),
               "clouds": clouds(x={"auth": in_file, **beside})}


def main():
    cases = list(explicit()) + list(drawn(150))
    for case in cases:
        case.update(run(case))
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "config_cases.json"), "w") as out:
        out.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
    print(len(cases), "cases,", sum("found" in case for case in cases), "sign in")


if __name__ == "__main__":
    main()
