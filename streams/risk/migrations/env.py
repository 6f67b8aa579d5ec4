"""What Alembic runs: our tables' migrations, on the connection it is given."""

from alembic import context
from sqlalchemy import Connection

from streams.risk.tables import SCHEMA, Base

connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    version_table="alembic_version",
    version_table_schema=SCHEMA,
    include_schemas=True,
    include_name=lambda name, kind, _: kind != "schema" or name == SCHEMA,
)
with context.begin_transaction():
    context.run_migrations()
