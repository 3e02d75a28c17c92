"""What the package tells Airflow about itself, by the entry point ``apache_airflow_provider``."""

from __future__ import annotations

from typing import Any

from recomamp.version import PACKAGE

_INTEGRATION = "Amazon Marketing Cloud"
_OPTIONAL = {"type": ["string", "null"]}


def get_provider_info() -> dict[str, Any]:
    """Return the provider's description, with the form of the connection type ``amc``."""
    return {
        "package-name": PACKAGE,
        "name": _INTEGRATION,
        "description": "Runs queries of Amazon Marketing Cloud (AMC), each exactly once.",
        "integrations": [
            {
                "integration-name": _INTEGRATION,
                "external-doc-url": "https://advertising.amazon.com/API/docs/en-us/guides/amazon-marketing-cloud/",
                "tags": ["service"],
            }
        ],
        "operators": [_modules("operators")],
        "sensors": [_modules("sensors")],
        "hooks": [_modules("hooks")],
        "triggers": [_modules("triggers")],
        "extra-links": ["recomamp.provider.links.AmcExecutionPageLink"],
        "connection-types": [
            {
                "connection-type": "amc",
                "hook-class-name": "recomamp.provider.hooks.AmcHook",
                "hook-name": _INTEGRATION,
                "conn-fields": _FIELDS,
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "port"],
                    "relabeling": {
                        "login": "Login with Amazon client id",
                        "password": "Login with Amazon client secret",
                        "host": "API address instead of the region's",
                    },
                    "placeholders": {"login": "amzn1.application-oa2-client.…"},
                },
            }
        ],
    }


def _modules(name: str) -> dict[str, Any]:
    return {"integration-name": _INTEGRATION, "python-modules": [f"recomamp.provider.{name}"]}


_FIELDS: dict[str, Any] = {
    "refresh_token": {
        "label": "Refresh token",
        "description": "Of a user who may query the instance.",
        "schema": {**_OPTIONAL, "format": "password"},
    },
    "entity_id": {
        "label": "Entity id",
        "description": "Of the advertiser's account, such as ENTITY1A2B3C.",
        "schema": _OPTIONAL,
    },
    "marketplace_id": {
        "label": "Marketplace id",
        "description": "Such as ATVPDKIKX0DER. If empty, the country decides.",
        "schema": _OPTIONAL,
    },
    "country_code": {
        "label": "Country code",
        "description": "Such as DE. If empty, it is US.",
        "schema": _OPTIONAL,
    },
    "region": {
        "label": "Region",
        "description": "NA, EU, FE or an AWS region. If empty, it is NA.",
        "schema": _OPTIONAL,
    },
    "instance_id": {
        "label": "AMC instance id",
        "description": "What tasks query that name no instance themselves.",
        "schema": _OPTIONAL,
    },
    "token_url": {
        "label": "Token address instead of the region's",
        "schema": _OPTIONAL,
    },
    "execution_url": {
        "label": "Address of a page on an execution",
        "description": "A template with {amc_execution_id} and {instance_id}, for the task's link.",
        "schema": _OPTIONAL,
    },
}
