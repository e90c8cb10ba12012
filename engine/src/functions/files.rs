//! Files of the server's machine, for the superuser and the roles for it: `pg_ls_dir`, `pg_read_file`, `pg_stat_file` and
//! their like. Who is neither sees the data directory only. What is read at once is bounded.

use super::{Rows, access, bool_arg, rows, scalar, set, text, text_arg};
use crate::acl::membership::has_privs_of;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::kernel::{CallInfo, Kernel};
use rustydb_types::oid;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

/// `pg_read_server_files`.
const READERS: u32 = 4569;
/// Longest text or byte string that is answered.
const LONGEST: u64 = (1 << 30) - 8;
/// Microseconds from 1970 to 2000.
const EPOCH: i64 = 946_684_800_000_000;

pub(crate) fn failed(what: &str, path: &str, e: &std::io::Error) -> DbError {
    let (code, reason) = match e.kind() {
        ErrorKind::NotFound => (SqlState::UNDEFINED_FILE, "No such file or directory".to_owned()),
        ErrorKind::PermissionDenied => (SqlState::INSUFFICIENT_PRIVILEGE, "Permission denied".to_owned()),
        ErrorKind::NotADirectory => (SqlState::WRONG_OBJECT_TYPE, "Not a directory".to_owned()),
        ErrorKind::IsADirectory => (SqlState::WRONG_OBJECT_TYPE, "Is a directory".to_owned()),
        _ => (SqlState::IO_ERROR, e.to_string()),
    };
    DbError::new(code, format!("could not {what} \"{path}\": {reason}"))
}

/// The file that a name stands for. 42501 for one outside the data directory, unless the role may read any.
fn resolve(ctx: &EvalCtx, name: &str) -> Result<PathBuf> {
    let a = access(ctx)?;
    let cat = a.catalog();
    let base = a.data_dir();
    let role = a.role();
    let any = cat.roles.get(&role).is_some_and(|r| r.superuser) || has_privs_of(&cat, role, READERS);
    let path = Path::new(name);
    if !any {
        let denied = |m: &'static str| Err(DbError::new(SqlState::INSUFFICIENT_PRIVILEGE, m));
        if path.is_absolute() && !path.starts_with(&base) {
            return denied("absolute path not allowed");
        }
        if path.components().any(|c| matches!(c, Component::ParentDir)) {
            return denied("path must be in or below the current directory");
        }
    }
    Ok(base.join(path))
}

fn list_dir(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Rows> {
    let name = text_arg(args, 0)?;
    let (missing_ok, dots) = (bool_arg(args, 1), bool_arg(args, 2));
    let listed = match std::fs::read_dir(resolve(ctx, name)?) {
        Ok(d) => d,
        Err(e) if e.kind() == ErrorKind::NotFound && missing_ok => return rows(Vec::new()),
        Err(e) => return Err(failed("open directory", name, &e)),
    };
    let mut out: Vec<Vec<Datum>> = if dots { vec![vec![text(".")], vec![text("..")]] } else { Vec::new() };
    for entry in listed {
        let entry = entry.map_err(|e| failed("read directory", name, &e))?;
        out.push(vec![text(entry.file_name().to_string_lossy())]);
    }
    rows(out)
}

/// Bytes of a file; `None` if it is missing and that is allowed.
fn bytes(ctx: &EvalCtx, args: &[Datum]) -> Result<Option<Vec<u8>>> {
    let name = text_arg(args, 0)?;
    let number = |i: usize| match args.get(i) {
        Some(Datum::Int8(n)) => Some(*n),
        _ => None,
    };
    let (offset, length) = (number(1), number(2));
    if length.is_some_and(|n| n < 0) {
        return Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, "requested length cannot be negative"));
    }
    let missing_ok = bool_arg(args, 3) || bool_arg(args, 1);
    if length.is_some_and(|n| n as u64 > LONGEST) {
        return Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, "requested length too large"));
    }
    let mut file = match std::fs::File::open(resolve(ctx, name)?) {
        Ok(f) => f,
        Err(e) if e.kind() == ErrorKind::NotFound && missing_ok => return Ok(None),
        Err(e) => {
            return Err(match failed("open file", name, &e) {
                mut x if e.kind() == ErrorKind::NotFound => {
                    x.message = format!("could not open file \"{name}\" for reading: No such file or directory").into();
                    x
                }
                x => x,
            });
        }
    };
    if let Some(o) = offset {
        let to = if o < 0 { SeekFrom::End(o) } else { SeekFrom::Start(o as u64) };
        file.seek(to).map_err(|e| failed("seek in file", name, &e))?;
    }
    let most = length.map_or(LONGEST + 1, |n| n as u64);
    let mut out = Vec::new();
    file.take(most).read_to_end(&mut out).map_err(|e| failed("read file", name, &e))?;
    if out.len() as u64 > LONGEST {
        return Err(DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "file length too large"));
    }
    Ok(Some(out))
}

fn read_file(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let Some(b) = bytes(ctx, args)? else { return Ok(Datum::Null) };
    match String::from_utf8(b) {
        Ok(s) if !s.contains('\0') => Ok(text(s)),
        Ok(_) => Err(DbError::new(
            SqlState::CHARACTER_NOT_IN_REPERTOIRE,
            "invalid byte sequence for encoding \"UTF8\": 0x00",
        )),
        Err(e) => {
            let bad = e.as_bytes().get(e.utf8_error().valid_up_to()).copied().unwrap_or_default();
            let m = format!("invalid byte sequence for encoding \"UTF8\": 0x{bad:02x}");
            Err(DbError::new(SqlState::CHARACTER_NOT_IN_REPERTOIRE, m))
        }
    }
}

fn read_binary(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    Ok(bytes(ctx, args)?.map_or(Datum::Null, |b| Datum::Bytes(b.into())))
}

fn micros(t: std::io::Result<std::time::SystemTime>) -> Datum {
    let since = t.ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
    since.and_then(|d| i64::try_from(d.as_micros()).ok()).map_or(Datum::Null, |m| Datum::Timestamp(m - EPOCH))
}

fn stat_file(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let name = text_arg(args, 0)?;
    let m = match std::fs::metadata(resolve(ctx, name)?) {
        Ok(m) => m,
        Err(e) if e.kind() == ErrorKind::NotFound && bool_arg(args, 1) => return Ok(Datum::Null),
        Err(e) => return Err(failed("stat file", name, &e)),
    };
    let size = i64::try_from(m.len()).unwrap_or(i64::MAX);
    let fields = [
        (oid::INT8, Datum::Int8(size)),
        (oid::TIMESTAMPTZ, micros(m.accessed())),
        (oid::TIMESTAMPTZ, micros(m.modified())),
        (oid::TIMESTAMPTZ, micros(m.created())),
        (oid::TIMESTAMPTZ, Datum::Null),
        (oid::BOOL, Datum::Bool(m.is_dir())),
    ];
    Ok(Datum::Row(fields.into_iter().map(|(t, d)| (TypeRef::new(t), d)).collect()))
}

/// Names, sizes and times of the files of a folder of the server, none if there is no such folder.
fn folder(ctx: &EvalCtx, name: &str) -> Result<Rows> {
    let base = access(ctx)?.data_dir();
    let Ok(listed) = std::fs::read_dir(base.join(name)) else { return rows(Vec::new()) };
    let mut out = Vec::new();
    for entry in listed.flatten() {
        let Ok(m) = entry.metadata() else { continue };
        let file = entry.file_name().to_string_lossy().into_owned();
        if m.is_file() && !file.starts_with('.') {
            let size = i64::try_from(m.len()).unwrap_or(i64::MAX);
            out.push(vec![text(file), Datum::Int8(size), micros(m.modified())]);
        }
    }
    rows(out)
}

fn log_files(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Rows> {
    folder(ctx, "wal")
}

/// Temporary files are DataFusion's, which live outside of any folder of PostgreSQL's; archives and log files there are none.
fn nothing(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Rows> {
    rows(Vec::new())
}

/// Kernels of this module.
pub(super) const KERNELS: &[Kernel] = &[
    set("pg_ls_dir_1arg", list_dir),
    set("pg_ls_dir", list_dir),
    set("pg_ls_waldir", log_files),
    set("pg_ls_tmpdir_noargs", nothing),
    set("pg_ls_tmpdir_1arg", nothing),
    set("pg_ls_archive_statusdir", nothing),
    scalar("pg_read_file_all", read_file),
    scalar("pg_read_file_off_len", read_file),
    scalar("pg_read_file_v2", read_file),
    scalar("pg_read_binary_file_all", read_binary),
    scalar("pg_read_binary_file_off_len", read_binary),
    scalar("pg_read_binary_file", read_binary),
    scalar("pg_stat_file_1arg", stat_file),
    scalar("pg_stat_file", stat_file),
];
