"""Tenants of the emulator: an instance each, with an account and a consent of its own."""

from __future__ import annotations

from collections.abc import Iterable

from cryptography.fernet import Fernet

from fixtures.postgres import Row, Rows

CLIENT = """
[[clients]]
client_id = "amzn1.application-oa2-client.demo"
client_secret = "demo-client-secret"
"""
TENANT = """
[[consents]]
refresh_token = "Atzr|{name}"
authorization_code = "code-{name}"
accounts = ["ENTITY{upper}"]

[[accounts]]
account_id = "ENTITY{upper}"
name = "{name}"
marketplace_id = "ATVPDKIKX0DER"
region = "NA"
instances = [{{ instance_id = "{name}", name = "{name}" }}]
"""


def tenants_toml(instance_ids: Iterable[str]) -> str:
    """Return the file that AMC_EMULATOR_TENANTS names."""
    return CLIENT + "".join(TENANT.format(name=one, upper=one.upper()) for one in instance_ids)


def insert_tenant(rows: Rows, instance_id: str, fernet_key: str) -> Row:
    """Insert the user, account and instance of a tenant, and return the instance."""
    token = Fernet(fernet_key).encrypt(f"Atzr|{instance_id}".encode()).decode()
    return rows.instance(
        user=rows.user(encrypted_refresh_token=token),
        account=rows.account(account_id=f"ENTITY{instance_id.upper()}"),
        instance_id=instance_id,
    )
