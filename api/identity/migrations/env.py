"""Runs migrations on the connection that ``api.identity.schema`` hands over."""

from alembic import context

from api.identity.models import SCHEMA, Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    version_table_schema=SCHEMA,
    include_schemas=True,
)
with context.begin_transaction():
    context.run_migrations()
