"""The same rules through JSON, described at ``/api/v1/openapi.json`` (OpenAPI 3.1)."""
