"""``Sql``: statements and transactions on SQLite and PostgreSQL."""
