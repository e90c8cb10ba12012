#!/bin/sh
# Facts of PostgreSQL 15's settings (names, types, ranges, defaults), read from a running server.
# Usage: gen_settings.sh PSQL-ARGUMENTS > settings.tsv
psql "$@" -X -A -t -F '	' -c "
  SELECT name, vartype, context, coalesce(unit, ''), coalesce(min_val, ''), coalesce(max_val, ''),
         coalesce(array_to_string(enumvals, ','), ''), category, coalesce(boot_val, '')
  FROM pg_settings
  WHERE name !~ '^(jit_|trace_|debug_(?!print)|ssl_|krb_|archive_|recovery_|restore_|primary_|promote_|wal_|zero_|bgwriter_|log_)'
     OR name IN ('log_statement', 'log_min_duration_statement', 'log_min_messages', 'log_duration', 'log_timezone')
  ORDER BY name"
