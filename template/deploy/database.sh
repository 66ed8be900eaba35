# PostgreSQL's image runs this once, on a new volume. The service owns its database and is no superuser; the superuser gets no
# password, so nobody is it over the network: docker compose exec database psql --username=postgres
psql --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" <<'SQL'
-- The log has no statement with a password in it, however slow it was.
SET log_min_duration_statement = -1;
SET log_statement = 'none';
\getenv password POSTGRES_PASSWORD
\getenv name POSTGRES_DB
BEGIN;
CREATE ROLE service LOGIN PASSWORD :'password';
ALTER DATABASE :"name" OWNER TO service;
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
ALTER ROLE CURRENT_USER PASSWORD NULL;
COMMIT;
SQL
