-- Queries of the statistics views of pg_catalog; see pg_catalog.sql.

-- view pg_stat_activity
SELECT s.datid, d.datname, s.pid, s.leader_pid, s.usesysid, a.rolname AS usename, s.application_name, s.client_addr,
       s.client_hostname, s.client_port, s.backend_start, s.xact_start, s.query_start, s.state_change,
       s.wait_event_type, s.wait_event, s.state, s.backend_xid, s.backend_xmin, s.query_id, s.query, s.backend_type
FROM pg_stat_get_activity(NULL::integer) AS s
     LEFT JOIN pg_catalog.pg_database d ON d.oid = s.datid
     LEFT JOIN pg_catalog.pg_authid a ON a.oid = s.usesysid

-- view pg_stat_ssl
SELECT s.pid, s.ssl, s.sslversion AS version, s.sslcipher AS cipher, s.sslbits AS bits, s.ssl_client_dn AS client_dn,
       s.ssl_client_serial AS client_serial, s.ssl_issuer_dn AS issuer_dn
FROM pg_stat_get_activity(NULL::integer) AS s
WHERE s.client_port IS NOT NULL

-- view pg_stat_gssapi
SELECT s.pid, s.gss_auth AS gss_authenticated, s.gss_princ AS principal, s.gss_enc AS encrypted
FROM pg_stat_get_activity(NULL::integer) AS s
WHERE s.client_port IS NOT NULL

-- view pg_stat_replication
SELECT s.pid, s.usesysid, a.rolname AS usename, s.application_name, s.client_addr, s.client_hostname, s.client_port,
       s.backend_start, s.backend_xmin, w.state, w.sent_lsn, w.write_lsn, w.flush_lsn, w.replay_lsn, w.write_lag,
       w.flush_lag, w.replay_lag, w.sync_priority, w.sync_state, w.reply_time
FROM pg_stat_get_activity(NULL::integer) AS s
     JOIN pg_stat_get_wal_senders() AS w ON w.pid = s.pid
     LEFT JOIN pg_catalog.pg_authid a ON a.oid = s.usesysid

-- view pg_stat_wal_receiver
SELECT w.pid, w.status, w.receive_start_lsn, w.receive_start_tli, w.written_lsn, w.flushed_lsn, w.received_tli,
       w.last_msg_send_time, w.last_msg_receipt_time, w.latest_end_lsn, w.latest_end_time, w.slot_name, w.sender_host,
       w.sender_port, w.conninfo
FROM pg_stat_get_wal_receiver() AS w
WHERE w.pid IS NOT NULL

-- view pg_stat_recovery_prefetch
SELECT p.stats_reset, p.prefetch, p.hit, p.skip_init, p.skip_new, p.skip_fpw, p.skip_rep, p.wal_distance,
       p.block_distance, p.io_depth
FROM pg_stat_get_recovery_prefetch() AS p

-- view pg_stat_replication_slots
SELECT s.slot_name, s.spill_txns, s.spill_count, s.spill_bytes, s.stream_txns, s.stream_count, s.stream_bytes,
       s.total_txns, s.total_bytes, s.stats_reset
FROM pg_catalog.pg_replication_slots r, LATERAL pg_stat_get_replication_slot(r.slot_name::text) AS s
WHERE r.datoid IS NOT NULL

-- view pg_stat_subscription
SELECT u.oid AS subid, u.subname, s.pid, s.relid, s.received_lsn, s.last_msg_send_time, s.last_msg_receipt_time,
       s.latest_end_lsn, s.latest_end_time
FROM pg_catalog.pg_subscription u LEFT JOIN pg_stat_get_subscription(NULL::oid) AS s ON s.subid = u.oid

-- view pg_stat_subscription_stats
SELECT s.subid, u.subname, s.apply_error_count, s.sync_error_count, s.stats_reset
FROM pg_catalog.pg_subscription u, LATERAL pg_stat_get_subscription_stats(u.oid) AS s

-- view pg_stat_all_tables
SELECT c.oid AS relid, n.nspname AS schemaname, c.relname, pg_stat_get_numscans(c.oid) AS seq_scan,
       pg_stat_get_tuples_returned(c.oid) AS seq_tup_read, i.scans AS idx_scan,
       i.fetched + pg_stat_get_tuples_fetched(c.oid) AS idx_tup_fetch, pg_stat_get_tuples_inserted(c.oid) AS n_tup_ins,
       pg_stat_get_tuples_updated(c.oid) AS n_tup_upd, pg_stat_get_tuples_deleted(c.oid) AS n_tup_del,
       pg_stat_get_tuples_hot_updated(c.oid) AS n_tup_hot_upd, pg_stat_get_live_tuples(c.oid) AS n_live_tup,
       pg_stat_get_dead_tuples(c.oid) AS n_dead_tup, pg_stat_get_mod_since_analyze(c.oid) AS n_mod_since_analyze,
       pg_stat_get_ins_since_vacuum(c.oid) AS n_ins_since_vacuum, pg_stat_get_last_vacuum_time(c.oid) AS last_vacuum,
       pg_stat_get_last_autovacuum_time(c.oid) AS last_autovacuum, pg_stat_get_last_analyze_time(c.oid) AS last_analyze,
       pg_stat_get_last_autoanalyze_time(c.oid) AS last_autoanalyze, pg_stat_get_vacuum_count(c.oid) AS vacuum_count,
       pg_stat_get_autovacuum_count(c.oid) AS autovacuum_count, pg_stat_get_analyze_count(c.oid) AS analyze_count,
       pg_stat_get_autoanalyze_count(c.oid) AS autoanalyze_count
FROM pg_catalog.pg_class c
     LEFT JOIN (SELECT x.indrelid, sum(pg_stat_get_numscans(x.indexrelid))::bigint AS scans,
                       sum(pg_stat_get_tuples_fetched(x.indexrelid))::bigint AS fetched
                FROM pg_catalog.pg_index x GROUP BY x.indrelid) AS i ON i.indrelid = c.oid
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r'::"char", 't'::"char", 'm'::"char", 'p'::"char")

-- view pg_stat_sys_tables
SELECT * FROM pg_catalog.pg_stat_all_tables
WHERE schemaname IN ('pg_catalog', 'information_schema') OR schemaname ~ '^pg_toast'

-- view pg_stat_user_tables
SELECT * FROM pg_catalog.pg_stat_all_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname !~ '^pg_toast'

-- view pg_stat_xact_all_tables
SELECT c.oid AS relid, n.nspname AS schemaname, c.relname, pg_stat_get_xact_numscans(c.oid) AS seq_scan,
       pg_stat_get_xact_tuples_returned(c.oid) AS seq_tup_read, i.scans AS idx_scan,
       i.fetched + pg_stat_get_xact_tuples_fetched(c.oid) AS idx_tup_fetch,
       pg_stat_get_xact_tuples_inserted(c.oid) AS n_tup_ins, pg_stat_get_xact_tuples_updated(c.oid) AS n_tup_upd,
       pg_stat_get_xact_tuples_deleted(c.oid) AS n_tup_del, pg_stat_get_xact_tuples_hot_updated(c.oid) AS n_tup_hot_upd
FROM pg_catalog.pg_class c
     LEFT JOIN (SELECT x.indrelid, sum(pg_stat_get_xact_numscans(x.indexrelid))::bigint AS scans,
                       sum(pg_stat_get_xact_tuples_fetched(x.indexrelid))::bigint AS fetched
                FROM pg_catalog.pg_index x GROUP BY x.indrelid) AS i ON i.indrelid = c.oid
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r'::"char", 't'::"char", 'm'::"char", 'p'::"char")

-- view pg_stat_xact_sys_tables
SELECT * FROM pg_catalog.pg_stat_xact_all_tables
WHERE schemaname IN ('pg_catalog', 'information_schema') OR schemaname ~ '^pg_toast'

-- view pg_stat_xact_user_tables
SELECT * FROM pg_catalog.pg_stat_xact_all_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname !~ '^pg_toast'

-- view pg_stat_all_indexes
SELECT c.oid AS relid, i.oid AS indexrelid, n.nspname AS schemaname, c.relname, i.relname AS indexrelname,
       pg_stat_get_numscans(i.oid) AS idx_scan, pg_stat_get_tuples_returned(i.oid) AS idx_tup_read,
       pg_stat_get_tuples_fetched(i.oid) AS idx_tup_fetch
FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_index x ON x.indrelid = c.oid
     JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r'::"char", 't'::"char", 'm'::"char")

-- view pg_stat_sys_indexes
SELECT * FROM pg_catalog.pg_stat_all_indexes
WHERE schemaname IN ('pg_catalog', 'information_schema') OR schemaname ~ '^pg_toast'

-- view pg_stat_user_indexes
SELECT * FROM pg_catalog.pg_stat_all_indexes
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname !~ '^pg_toast'

-- view pg_statio_all_tables
SELECT c.oid AS relid, n.nspname AS schemaname, c.relname,
       pg_stat_get_blocks_fetched(c.oid) - pg_stat_get_blocks_hit(c.oid) AS heap_blks_read,
       pg_stat_get_blocks_hit(c.oid) AS heap_blks_hit, i.idx_read AS idx_blks_read, i.idx_hit AS idx_blks_hit,
       pg_stat_get_blocks_fetched(t.oid) - pg_stat_get_blocks_hit(t.oid) AS toast_blks_read,
       pg_stat_get_blocks_hit(t.oid) AS toast_blks_hit, ti.idx_read AS tidx_blks_read, ti.idx_hit AS tidx_blks_hit
FROM pg_catalog.pg_class c
     LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid
     LEFT JOIN (SELECT x.indrelid,
                       sum(pg_stat_get_blocks_fetched(x.indexrelid) - pg_stat_get_blocks_hit(x.indexrelid))::bigint
                           AS idx_read,
                       sum(pg_stat_get_blocks_hit(x.indexrelid))::bigint AS idx_hit
                FROM pg_catalog.pg_index x GROUP BY x.indrelid) AS i ON i.indrelid = c.oid
     LEFT JOIN (SELECT x.indrelid,
                       sum(pg_stat_get_blocks_fetched(x.indexrelid) - pg_stat_get_blocks_hit(x.indexrelid))::bigint
                           AS idx_read,
                       sum(pg_stat_get_blocks_hit(x.indexrelid))::bigint AS idx_hit
                FROM pg_catalog.pg_index x GROUP BY x.indrelid) AS ti ON ti.indrelid = t.oid
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r'::"char", 't'::"char", 'm'::"char")

-- view pg_statio_sys_tables
SELECT * FROM pg_catalog.pg_statio_all_tables
WHERE schemaname IN ('pg_catalog', 'information_schema') OR schemaname ~ '^pg_toast'

-- view pg_statio_user_tables
SELECT * FROM pg_catalog.pg_statio_all_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname !~ '^pg_toast'

-- view pg_statio_all_indexes
SELECT c.oid AS relid, i.oid AS indexrelid, n.nspname AS schemaname, c.relname, i.relname AS indexrelname,
       pg_stat_get_blocks_fetched(i.oid) - pg_stat_get_blocks_hit(i.oid) AS idx_blks_read,
       pg_stat_get_blocks_hit(i.oid) AS idx_blks_hit
FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_index x ON x.indrelid = c.oid
     JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r'::"char", 't'::"char", 'm'::"char")

-- view pg_statio_sys_indexes
SELECT * FROM pg_catalog.pg_statio_all_indexes
WHERE schemaname IN ('pg_catalog', 'information_schema') OR schemaname ~ '^pg_toast'

-- view pg_statio_user_indexes
SELECT * FROM pg_catalog.pg_statio_all_indexes
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname !~ '^pg_toast'

-- view pg_statio_all_sequences
SELECT c.oid AS relid, n.nspname AS schemaname, c.relname,
       pg_stat_get_blocks_fetched(c.oid) - pg_stat_get_blocks_hit(c.oid) AS blks_read,
       pg_stat_get_blocks_hit(c.oid) AS blks_hit
FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S'::"char"

-- view pg_statio_sys_sequences
SELECT * FROM pg_catalog.pg_statio_all_sequences
WHERE schemaname IN ('pg_catalog', 'information_schema') OR schemaname ~ '^pg_toast'

-- view pg_statio_user_sequences
SELECT * FROM pg_catalog.pg_statio_all_sequences
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname !~ '^pg_toast'

-- view pg_stat_database
SELECT d.datid, d.datname, CASE WHEN d.datid = 0 THEN 0 ELSE pg_stat_get_db_numbackends(d.datid) END AS numbackends,
       pg_stat_get_db_xact_commit(d.datid) AS xact_commit, pg_stat_get_db_xact_rollback(d.datid) AS xact_rollback,
       pg_stat_get_db_blocks_fetched(d.datid) - pg_stat_get_db_blocks_hit(d.datid) AS blks_read,
       pg_stat_get_db_blocks_hit(d.datid) AS blks_hit, pg_stat_get_db_tuples_returned(d.datid) AS tup_returned,
       pg_stat_get_db_tuples_fetched(d.datid) AS tup_fetched, pg_stat_get_db_tuples_inserted(d.datid) AS tup_inserted,
       pg_stat_get_db_tuples_updated(d.datid) AS tup_updated, pg_stat_get_db_tuples_deleted(d.datid) AS tup_deleted,
       pg_stat_get_db_conflict_all(d.datid) AS conflicts, pg_stat_get_db_temp_files(d.datid) AS temp_files,
       pg_stat_get_db_temp_bytes(d.datid) AS temp_bytes, pg_stat_get_db_deadlocks(d.datid) AS deadlocks,
       pg_stat_get_db_checksum_failures(d.datid) AS checksum_failures,
       pg_stat_get_db_checksum_last_failure(d.datid) AS checksum_last_failure,
       pg_stat_get_db_blk_read_time(d.datid) AS blk_read_time, pg_stat_get_db_blk_write_time(d.datid) AS blk_write_time,
       pg_stat_get_db_session_time(d.datid) AS session_time, pg_stat_get_db_active_time(d.datid) AS active_time,
       pg_stat_get_db_idle_in_transaction_time(d.datid) AS idle_in_transaction_time,
       pg_stat_get_db_sessions(d.datid) AS sessions, pg_stat_get_db_sessions_abandoned(d.datid) AS sessions_abandoned,
       pg_stat_get_db_sessions_fatal(d.datid) AS sessions_fatal,
       pg_stat_get_db_sessions_killed(d.datid) AS sessions_killed,
       pg_stat_get_db_stat_reset_time(d.datid) AS stats_reset
FROM (SELECT 0::oid AS datid, NULL::name AS datname
      UNION ALL SELECT b.oid, b.datname FROM pg_catalog.pg_database b) AS d

-- view pg_stat_database_conflicts
SELECT d.oid AS datid, d.datname, pg_stat_get_db_conflict_tablespace(d.oid) AS confl_tablespace,
       pg_stat_get_db_conflict_lock(d.oid) AS confl_lock, pg_stat_get_db_conflict_snapshot(d.oid) AS confl_snapshot,
       pg_stat_get_db_conflict_bufferpin(d.oid) AS confl_bufferpin,
       pg_stat_get_db_conflict_startup_deadlock(d.oid) AS confl_deadlock
FROM pg_catalog.pg_database d

-- view pg_stat_user_functions
SELECT p.oid AS funcid, n.nspname AS schemaname, p.proname AS funcname, pg_stat_get_function_calls(p.oid) AS calls,
       pg_stat_get_function_total_time(p.oid) AS total_time, pg_stat_get_function_self_time(p.oid) AS self_time
FROM pg_catalog.pg_proc p LEFT JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE p.prolang <> 12 AND pg_stat_get_function_calls(p.oid) IS NOT NULL

-- view pg_stat_xact_user_functions
SELECT p.oid AS funcid, n.nspname AS schemaname, p.proname AS funcname,
       pg_stat_get_xact_function_calls(p.oid) AS calls, pg_stat_get_xact_function_total_time(p.oid) AS total_time,
       pg_stat_get_xact_function_self_time(p.oid) AS self_time
FROM pg_catalog.pg_proc p LEFT JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE p.prolang <> 12 AND pg_stat_get_xact_function_calls(p.oid) IS NOT NULL

-- view pg_stat_archiver
SELECT a.archived_count, a.last_archived_wal, a.last_archived_time, a.failed_count, a.last_failed_wal,
       a.last_failed_time, a.stats_reset
FROM pg_stat_get_archiver() AS a

-- view pg_stat_bgwriter
SELECT pg_stat_get_bgwriter_timed_checkpoints() AS checkpoints_timed,
       pg_stat_get_bgwriter_requested_checkpoints() AS checkpoints_req,
       pg_stat_get_checkpoint_write_time() AS checkpoint_write_time,
       pg_stat_get_checkpoint_sync_time() AS checkpoint_sync_time,
       pg_stat_get_bgwriter_buf_written_checkpoints() AS buffers_checkpoint,
       pg_stat_get_bgwriter_buf_written_clean() AS buffers_clean,
       pg_stat_get_bgwriter_maxwritten_clean() AS maxwritten_clean,
       pg_stat_get_buf_written_backend() AS buffers_backend, pg_stat_get_buf_fsync_backend() AS buffers_backend_fsync,
       pg_stat_get_buf_alloc() AS buffers_alloc, pg_stat_get_bgwriter_stat_reset_time() AS stats_reset

-- view pg_stat_wal
SELECT w.wal_records, w.wal_fpi, w.wal_bytes, w.wal_buffers_full, w.wal_write, w.wal_sync, w.wal_write_time,
       w.wal_sync_time, w.stats_reset
FROM pg_stat_get_wal() AS w

-- view pg_stat_slru
SELECT s.name, s.blks_zeroed, s.blks_hit, s.blks_read, s.blks_written, s.blks_exists, s.flushes, s.truncates,
       s.stats_reset
FROM pg_stat_get_slru() AS s

-- view pg_stat_progress_analyze
SELECT p.pid, p.datid, d.datname, p.relid,
       CASE p.param1 WHEN 0 THEN 'initializing' WHEN 1 THEN 'acquiring sample rows'
                     WHEN 2 THEN 'acquiring inherited sample rows' WHEN 3 THEN 'computing statistics'
                     WHEN 4 THEN 'computing extended statistics' WHEN 5 THEN 'finalizing analyze' END AS phase,
       p.param2 AS sample_blks_total, p.param3 AS sample_blks_scanned, p.param4 AS ext_stats_total,
       p.param5 AS ext_stats_computed, p.param6 AS child_tables_total, p.param7 AS child_tables_done,
       p.param8::oid AS current_child_table_relid
FROM pg_stat_get_progress_info('ANALYZE'::text) AS p LEFT JOIN pg_catalog.pg_database d ON d.oid = p.datid

-- view pg_stat_progress_vacuum
SELECT p.pid, p.datid, d.datname, p.relid,
       CASE p.param1 WHEN 0 THEN 'initializing' WHEN 1 THEN 'scanning heap' WHEN 2 THEN 'vacuuming indexes'
                     WHEN 3 THEN 'vacuuming heap' WHEN 4 THEN 'cleaning up indexes' WHEN 5 THEN 'truncating heap'
                     WHEN 6 THEN 'performing final cleanup' END AS phase,
       p.param2 AS heap_blks_total, p.param3 AS heap_blks_scanned, p.param4 AS heap_blks_vacuumed,
       p.param5 AS index_vacuum_count, p.param6 AS max_dead_tuples, p.param7 AS num_dead_tuples
FROM pg_stat_get_progress_info('VACUUM'::text) AS p LEFT JOIN pg_catalog.pg_database d ON d.oid = p.datid

-- view pg_stat_progress_cluster
SELECT p.pid, p.datid, d.datname, p.relid,
       CASE p.param1 WHEN 1 THEN 'CLUSTER' WHEN 2 THEN 'VACUUM FULL' END AS command,
       CASE p.param2 WHEN 0 THEN 'initializing' WHEN 1 THEN 'seq scanning heap' WHEN 2 THEN 'index scanning heap'
                     WHEN 3 THEN 'sorting tuples' WHEN 4 THEN 'writing new heap' WHEN 5 THEN 'swapping relation files'
                     WHEN 6 THEN 'rebuilding index' WHEN 7 THEN 'performing final cleanup' END AS phase,
       p.param3::oid AS cluster_index_relid, p.param4 AS heap_tuples_scanned, p.param5 AS heap_tuples_written,
       p.param6 AS heap_blks_total, p.param7 AS heap_blks_scanned, p.param8 AS index_rebuild_count
FROM pg_stat_get_progress_info('CLUSTER'::text) AS p LEFT JOIN pg_catalog.pg_database d ON d.oid = p.datid

-- view pg_stat_progress_create_index
SELECT p.pid, p.datid, d.datname, p.relid, p.param7::oid AS index_relid,
       CASE p.param1 WHEN 1 THEN 'CREATE INDEX' WHEN 2 THEN 'CREATE INDEX CONCURRENTLY' WHEN 3 THEN 'REINDEX'
                     WHEN 4 THEN 'REINDEX CONCURRENTLY' END AS command,
       CASE p.param10 WHEN 0 THEN 'initializing' WHEN 1 THEN 'waiting for writers before build'
                      WHEN 2 THEN 'building index' || coalesce(': ' || pg_indexam_progress_phasename(p.param9::oid, p.param11), '')
                      WHEN 3 THEN 'waiting for writers before validation'
                      WHEN 4 THEN 'index validation: scanning index' WHEN 5 THEN 'index validation: sorting tuples'
                      WHEN 6 THEN 'index validation: scanning table' WHEN 7 THEN 'waiting for old snapshots'
                      WHEN 8 THEN 'waiting for readers before marking dead'
                      WHEN 9 THEN 'waiting for readers before dropping' END AS phase,
       p.param4 AS lockers_total, p.param5 AS lockers_done, p.param6 AS current_locker_pid, p.param16 AS blocks_total,
       p.param17 AS blocks_done, p.param12 AS tuples_total, p.param13 AS tuples_done, p.param14 AS partitions_total,
       p.param15 AS partitions_done
FROM pg_stat_get_progress_info('CREATE INDEX'::text) AS p LEFT JOIN pg_catalog.pg_database d ON d.oid = p.datid

-- view pg_stat_progress_basebackup
SELECT p.pid,
       CASE p.param1 WHEN 0 THEN 'initializing' WHEN 1 THEN 'waiting for checkpoint to finish'
                     WHEN 2 THEN 'estimating backup size' WHEN 3 THEN 'streaming database files'
                     WHEN 4 THEN 'waiting for wal archiving to finish' WHEN 5 THEN 'transferring wal files' END AS phase,
       CASE p.param2 WHEN -1 THEN NULL::bigint ELSE p.param2 END AS backup_total, p.param3 AS backup_streamed,
       p.param4 AS tablespaces_total, p.param5 AS tablespaces_streamed
FROM pg_stat_get_progress_info('BASEBACKUP'::text) AS p

-- view pg_stat_progress_copy
SELECT p.pid, p.datid, d.datname, p.relid,
       CASE p.param5 WHEN 1 THEN 'COPY FROM' WHEN 2 THEN 'COPY TO' END AS command,
       CASE p.param6 WHEN 1 THEN 'FILE' WHEN 2 THEN 'PROGRAM' WHEN 3 THEN 'PIPE' WHEN 4 THEN 'CALLBACK' END AS type,
       p.param1 AS bytes_processed, p.param2 AS bytes_total, p.param3 AS tuples_processed, p.param4 AS tuples_excluded
FROM pg_stat_get_progress_info('COPY'::text) AS p LEFT JOIN pg_catalog.pg_database d ON d.oid = p.datid
