"""The files that run the hub elsewhere agree with each other."""

import re
from typing import Any

import pytest
import yaml

from support.source import ROOT

COMPOSE = ROOT / "docker-compose.yml"
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)(:?[?-])?([^}]*)\}")
# What the Compose specification allows in the places we use.
TOP = {"name", "services", "volumes", "networks", "configs", "secrets"}
SERVICE = {
    "image", "build", "command", "entrypoint", "environment", "env_file", "ports", "expose",
    "volumes", "depends_on", "healthcheck", "restart", "profiles", "user", "init", "deploy",
    "read_only", "tmpfs", "cap_drop", "security_opt", "stop_grace_period", "networks", "extends",
    "shm_size", "mem_limit", "cpus", "labels", "logging", "working_dir", "stop_signal",
}  # fmt: skip
HEALTH = {"test", "interval", "timeout", "retries", "start_period", "start_interval", "disable"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
# One-shot, or without a port to ask: their end is what tells.
NO_HEALTH = {"migrate", "relay"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load(COMPOSE.read_text()))


def test_only_words_of_the_specification(compose):
    assert set(compose) - TOP <= {key for key in compose if key.startswith("x-")}
    for name, service in compose["services"].items():
        assert set(service) <= SERVICE, name
        assert "image" in service or "build" in service, name
        assert set(service.get("healthcheck", {})) <= HEALTH, name


def test_services_depend_on_services_that_can_be_ready(compose):
    services = compose["services"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            assert other in services, f"{name} depends on {other}"
            assert how["condition"] in CONDITIONS
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[other], f"{other} is never healthy"


def test_volumes_are_declared(compose):
    for name, service in compose["services"].items():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if not source.startswith((".", "/")):
                assert source in compose["volumes"], f"{name}: {source}"


def test_long_running_services_say_how_they_are(compose):
    services = set(compose["services"])
    assert {name for name in services if "healthcheck" not in compose["services"][name]} == (
        NO_HEALTH & services
    )


def test_images_are_pinned(compose):
    for name, service in compose["services"].items():
        image = service.get("image", "")
        if image and "build" not in service:
            assert re.search(r":[\w.-]*\d", image), f"{name}: {image}"
            assert not image.endswith(":latest")


def test_no_secret_has_a_default():
    text = COMPOSE.read_text()
    for name, mark, default in VARIABLE.findall(text):
        if re.search(r"SECRET|PASSWORD|TOKEN|KEY", name):
            assert mark == ":?", f"{name} must be demanded, not defaulted to {default!r}"
    assert not re.search(r"(?i)(password|secret)[\w]*:\s*[a-z0-9]+\s*$", text, re.MULTILINE)


def test_the_example_names_every_variable():
    wanted = {name for name, _, _ in VARIABLE.findall(COMPOSE.read_text())}
    example = (ROOT / ".env.example").read_text()
    named = set(re.findall(r"^#?\s?([A-Z0-9_]+)=", example, re.MULTILINE))
    assert wanted == named
    given = dict(re.findall(r"^([A-Z0-9_]+)=(.*)$", example, re.MULTILINE))
    for name, value in given.items():
        if re.search(r"SECRET|PASSWORD|KEY", name):
            assert value == "", f"{name} must be left for the person to fill in"


def test_settings_of_the_hub_exist(compose):
    """A variable that the hub does not know would silently do nothing."""
    from lorahub_server.config import Settings

    known = {f"LORAHUB_{name.upper()}" for name in Settings.model_fields}
    known |= {"LORAHUB_S3_ACCESS_KEY", "LORAHUB_S3_SECRET_KEY"}
    used = set()
    for service in compose["services"].values():
        used |= {n for n in service.get("environment", {}) if n.startswith("LORAHUB_")}
    assert used
    assert used <= known


def test_the_image_does_not_run_as_root():
    dockerfile = (ROOT / "Dockerfile").read_text()
    users = re.findall(r"^USER\s+(\S+)", dockerfile, re.MULTILINE)
    assert users
    assert users[-1] not in {"root", "0", "0:0"}
    assert "COPY . ." not in dockerfile or (ROOT / ".dockerignore").is_file()
