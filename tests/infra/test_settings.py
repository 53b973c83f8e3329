"""Settings document themselves and speak librdkafka's names."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from triptych.infra.loading import load, set_flags
from triptych.infra.settings import Kafka, Settings
from triptych.models.errors import ConfigError


@pytest.mark.parametrize("section", Settings.model_fields)
def test_every_setting_says_what_it_does(section: str) -> None:
    fields = type(getattr(Settings(), section)).model_fields
    assert [name for name, field in fields.items() if not field.description] == []


def test_a_plain_connection_needs_no_property_but_its_protocol() -> None:
    assert Kafka(bootstrap="b:1").properties() == {"security.protocol": "plaintext"}


def test_a_secured_connection_has_librdkafkas_names() -> None:
    section = Kafka(
        bootstrap="b:1",
        security_protocol="sasl_ssl",
        sasl_username="u",
        sasl_password=SecretStr("p"),
        ssl_ca_file=Path("/ca.pem"),
    )
    assert section.properties() == {
        "security.protocol": "sasl_ssl",
        "ssl.ca.location": "/ca.pem",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "u",
        "sasl.password": "p",
    }


def test_paths_may_start_at_home() -> None:
    assert Kafka(bootstrap="b:1", ssl_ca_file=Path("~/ca.pem")).ssl_ca_file == Path.home() / "ca.pem"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"url": "registry:8081"}, "must be http"),
        ({"url": "http://ann:s3cret@registry"}, "no credentials"),
        ({"url": "http://registry", "username": "ann"}, "belong together"),
        ({"username": "ann", "password": "s3cret"}, "need the url"),
    ],
    ids=["no scheme", "credentials", "half a login", "a login for nothing"],
)
def test_a_registry_that_cannot_be_meant_is_refused(values: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load(None, set_flags([f"registry.{key}={value}" for key, value in values.items()]))
    assert "s3cret" not in str(caught.value)
