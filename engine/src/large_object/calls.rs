//! `lo_create`, `lo_open`, `loread` and the other functions of large objects. They are calls that only the session can answer
//! ([`rustydb_types::host`]), as they change rows in its transaction.
//!
//! Descriptors belong to the transaction. One that was opened in a savepoint that is rolled back is closed. One opened for
//! reading only sees what was committed when each call is made, where PostgreSQL keeps to the time of `lo_open`.

use super::{Metadata, create, metadata, missing, newest, pages};
use crate::acl::check::{denied, not_owner, owns};
use crate::acl::privs;
use crate::exec::run::StatementEnv;
use crate::session::shared::SessionShared;
use crate::transaction::Transaction;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_storage::txn::Snapshot;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use rustydb_types::host::{self, HostCall};
use std::fs::File;
use std::io::{Read, Write};

/// `INV_WRITE`.
const WRITE: i32 = 0x20000;
/// `INV_READ`.
const READ: i32 = 0x40000;
/// Descriptors of a transaction.
const MAX_DESCRIPTORS: usize = 16384;
/// Longest bytea.
const LONGEST: i64 = (1 << 30) - 1 - 4;
/// Bytes that go to or come from a file at a time.
const CHUNK: usize = 256 * 1024;

/// An open large object.
struct Descriptor {
    object: u32,
    writes: bool,
    at: i64,
    /// Which opening of the transaction it is.
    number: u64,
}

/// A transaction's open large objects.
#[derive(Default)]
pub struct Descriptors {
    list: Vec<Option<Descriptor>>,
    opened: u64,
}

impl Descriptors {
    /// How many were opened so far.
    pub fn mark(&self) -> u64 {
        self.opened
    }

    /// Closes those opened after a mark.
    pub fn roll_back(&mut self, mark: u64) {
        for d in &mut self.list {
            if d.as_ref().is_some_and(|d| d.number >= mark) {
                *d = None;
            }
        }
    }

    fn open(&mut self, object: u32, writes: bool) -> Result<i32> {
        let n = self.list.iter().position(Option::is_none).unwrap_or(self.list.len());
        if n >= MAX_DESCRIPTORS {
            return Err(DbError::new(
                SqlState::CONFIGURATION_LIMIT_EXCEEDED,
                format!("a transaction can have no more than {MAX_DESCRIPTORS} large objects open"),
            ));
        }
        let d = Some(Descriptor { object, writes, at: 0, number: self.opened });
        self.opened += 1;
        match self.list.get_mut(n) {
            Some(place) => *place = d,
            None => self.list.push(d),
        }
        i32::try_from(n).map_err(|_| DbError::internal("descriptor number"))
    }

    fn get(&mut self, n: i32) -> Result<&mut Descriptor> {
        let found = usize::try_from(n).ok().and_then(|i| self.list.get_mut(i)).and_then(Option::as_mut);
        found.ok_or_else(|| invalid_descriptor(n))
    }
}

fn invalid_descriptor(n: i32) -> DbError {
    DbError::new(SqlState::UNDEFINED_OBJECT, format!("invalid large-object descriptor: {n}"))
}

fn bad(m: String) -> DbError {
    DbError::new(SqlState::INVALID_PARAMETER_VALUE, m)
}

/// A call's surroundings.
struct Call<'a> {
    tx: &'a mut Transaction,
    env: &'a StatementEnv,
    eval: &'a EvalCtx,
    role: u32,
    args: &'a [Datum],
}

/// Runs a call if it is of one of these functions.
pub async fn run(
    tx: &mut Transaction,
    env: &StatementEnv,
    shared: &SessionShared,
    call: &HostCall,
) -> Result<Option<Vec<Vec<Datum>>>> {
    if !host::of_large_objects(call.proc) {
        return Ok(None);
    }
    let mut c = Call { tx, env, eval: &env.eval, role: shared.user_oid(), args: &call.args };
    let value = match &*call.proc.prosrc {
        "be_lo_create" => Datum::Oid(c.create(c.oid(0)?).await?),
        "be_lo_creat" => Datum::Oid(c.create(0).await?),
        "be_lo_open" => Datum::Int4(c.open().await?),
        "be_lo_close" => c.close()?,
        "be_loread" => c.read().await?,
        "be_lowrite" => c.write().await?,
        "be_lo_lseek" | "be_lo_lseek64" => c.seek(&call.proc.prosrc == "be_lo_lseek").await?,
        "be_lo_tell" | "be_lo_tell64" => c.tell(&call.proc.prosrc == "be_lo_tell")?,
        "be_lo_truncate" | "be_lo_truncate64" => c.truncate().await?,
        "be_lo_unlink" => c.unlink().await?,
        "be_lo_from_bytea" => c.create_from().await?,
        "be_lo_get" | "be_lo_get_fragment" => c.get().await?,
        "be_lo_put" => c.put().await?,
        "be_lo_import" | "be_lo_import_with_oid" => c.import().await?,
        "be_lo_export" => c.export().await?,
        other => return Err(DbError::internal(format!("no large object function {other}"))),
    };
    Ok(Some(vec![vec![value]]))
}

impl Call<'_> {
    fn wrong(&self, i: usize) -> DbError {
        DbError::internal(format!("argument {i} of a large object function: {:?}", self.args.get(i)))
    }

    fn oid(&self, i: usize) -> Result<u32> {
        match self.args.get(i) {
            Some(Datum::Oid(o)) => Ok(*o),
            _ => Err(self.wrong(i)),
        }
    }

    fn int(&self, i: usize) -> Result<i32> {
        match self.args.get(i) {
            Some(Datum::Int4(v)) => Ok(*v),
            _ => Err(self.wrong(i)),
        }
    }

    fn long(&self, i: usize) -> Result<i64> {
        match self.args.get(i) {
            Some(Datum::Int4(v)) => Ok(i64::from(*v)),
            Some(Datum::Int8(v)) => Ok(*v),
            _ => Err(self.wrong(i)),
        }
    }

    fn bytes(&self, i: usize) -> Result<&[u8]> {
        match self.args.get(i) {
            Some(Datum::Bytes(b)) => Ok(b),
            _ => Err(self.wrong(i)),
        }
    }

    fn text(&self, i: usize) -> Result<&str> {
        match self.args.get(i) {
            Some(Datum::Text(t)) => Ok(t.as_str()),
            _ => Err(self.wrong(i)),
        }
    }

    /// What a call sees.
    async fn snapshot(&mut self, writes: bool) -> Result<Snapshot> {
        if writes {
            return Ok(newest(self.tx));
        }
        if self.tx.isolation.one_snapshot() {
            return self.tx.statement_snapshot().await;
        }
        Ok(self.tx.latest_snapshot())
    }

    async fn create(&mut self, oid: u32) -> Result<u32> {
        create(self.tx, oid, self.role).await
    }

    /// A large object that the role may read, and write if that is wanted.
    async fn allowed(&mut self, object: u32, writes: bool) -> Result<()> {
        let snap = self.snapshot(writes).await?;
        let m = metadata(self.tx, self.eval, &snap, object).await?.ok_or_else(|| missing(object))?;
        let may = |p| m.allows(self.tx, self.role, p);
        if !may(privs::SELECT) || (writes && !may(privs::UPDATE)) {
            return Err(denied("large object", &object.to_string()));
        }
        Ok(())
    }

    async fn open(&mut self) -> Result<i32> {
        let (object, mode) = (self.oid(0)?, self.int(1)?);
        if mode & (READ | WRITE) == 0 {
            return Err(bad(format!("invalid flags for opening a large object: {mode}")));
        }
        let writes = mode & WRITE != 0;
        self.allowed(object, writes).await?;
        self.tx.descriptors.open(object, writes)
    }

    fn close(&mut self) -> Result<Datum> {
        let n = self.int(0)?;
        self.tx.descriptors.get(n)?;
        if let Some(place) = usize::try_from(n).ok().and_then(|i| self.tx.descriptors.list.get_mut(i)) {
            *place = None;
        }
        Ok(Datum::Int4(0))
    }

    async fn read(&mut self) -> Result<Datum> {
        let (n, len) = (self.int(0)?, self.int(1)?);
        let d = self.tx.descriptors.get(n)?;
        let (object, writes, at) = (d.object, d.writes, d.at);
        let snap = self.snapshot(writes).await?;
        let len = i64::from(len.max(0)).min(LONGEST);
        let out = pages::read(self.tx, self.eval, &snap, object, at, usize::try_from(len).unwrap_or(0)).await?;
        self.tx.descriptors.get(n)?.at = at + out.len() as i64;
        Ok(Datum::Bytes(out.into()))
    }

    /// The object and position of a descriptor that is open for writing.
    fn writable(&mut self, n: i32) -> Result<(u32, i64)> {
        let d = self.tx.descriptors.get(n)?;
        if !d.writes {
            return Err(DbError::new(
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("large object descriptor {n} was not opened for writing"),
            ));
        }
        Ok((d.object, d.at))
    }

    async fn write(&mut self) -> Result<Datum> {
        let n = self.int(0)?;
        let (object, at) = self.writable(n)?;
        let args = self.args;
        let Some(Datum::Bytes(b)) = args.get(1) else { return Err(self.wrong(1)) };
        pages::write(self.tx, self.eval, object, at, b).await?;
        self.tx.descriptors.get(n)?.at = at + b.len() as i64;
        Ok(Datum::Int4(i32::try_from(b.len()).unwrap_or(i32::MAX)))
    }

    async fn seek(&mut self, narrow: bool) -> Result<Datum> {
        let (n, offset, whence) = (self.int(0)?, self.long(1)?, self.int(2)?);
        let d = self.tx.descriptors.get(n)?;
        let (object, writes, at) = (d.object, d.writes, d.at);
        let base = match whence {
            0 => 0,
            1 => at,
            2 => {
                let snap = self.snapshot(writes).await?;
                pages::size(self.tx, self.eval, &snap, object).await?
            }
            other => return Err(bad(format!("invalid whence setting: {other}"))),
        };
        let to = base.wrapping_add(offset);
        if !(0..=pages::MAX_SIZE).contains(&to) {
            return Err(bad(format!("invalid large object seek target: {to}")));
        }
        self.tx.descriptors.get(n)?.at = to;
        place(n, to, narrow, "lo_lseek")
    }

    fn tell(&mut self, narrow: bool) -> Result<Datum> {
        let n = self.int(0)?;
        let at = self.tx.descriptors.get(n)?.at;
        place(n, at, narrow, "lo_tell")
    }

    async fn truncate(&mut self) -> Result<Datum> {
        let (n, len) = (self.int(0)?, self.long(1)?);
        let (object, _) = self.writable(n)?;
        if !(0..=pages::MAX_SIZE).contains(&len) {
            return Err(bad(format!("invalid large object truncation target: {len}")));
        }
        pages::truncate(self.tx, self.eval, object, len).await?;
        Ok(Datum::Int4(0))
    }

    async fn unlink(&mut self) -> Result<Datum> {
        let object = self.oid(0)?;
        let snap = newest(self.tx);
        let m = metadata(self.tx, self.eval, &snap, object).await?.ok_or_else(|| missing(object))?;
        if !owns(&self.tx.catalog, self.role, m.owner) {
            return Err(not_owner("large object", &object.to_string()));
        }
        self.forget(&m).await?;
        Ok(Datum::Int4(1))
    }

    async fn forget(&mut self, m: &Metadata) -> Result<()> {
        for d in &mut self.tx.descriptors.list {
            if d.as_ref().is_some_and(|d| d.object == m.oid) {
                *d = None;
            }
        }
        super::remove(self.tx, self.eval, m).await
    }

    async fn create_from(&mut self) -> Result<Datum> {
        let oid = self.create(self.oid(0)?).await?;
        let args = self.args;
        let Some(Datum::Bytes(b)) = args.get(1) else { return Err(self.wrong(1)) };
        pages::write(self.tx, self.eval, oid, 0, b).await?;
        Ok(Datum::Oid(oid))
    }

    async fn get(&mut self) -> Result<Datum> {
        let object = self.oid(0)?;
        let part = if self.args.len() > 1 { Some((self.long(1)?, self.int(2)?)) } else { None };
        if part.is_some_and(|p| p.1 < 0) {
            return Err(bad("requested length cannot be negative".to_owned()));
        }
        self.allowed(object, false).await?;
        let snap = self.snapshot(false).await?;
        let (at, len) = match part {
            Some((at, len)) => (at, i64::from(len)),
            None => (0, pages::size(self.tx, self.eval, &snap, object).await?),
        };
        if !(0..=pages::MAX_SIZE).contains(&at) {
            return Err(bad(format!("invalid large object seek target: {at}")));
        }
        if len > LONGEST {
            let m = "large object read request is too large";
            return Err(DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, m));
        }
        let len = usize::try_from(len).unwrap_or(0);
        let out = pages::read(self.tx, self.eval, &snap, object, at, len).await?;
        Ok(Datum::Bytes(out.into()))
    }

    async fn put(&mut self) -> Result<Datum> {
        let (object, at) = (self.oid(0)?, self.long(1)?);
        self.bytes(2)?;
        self.allowed(object, true).await?;
        if !(0..=pages::MAX_SIZE).contains(&at) {
            return Err(bad(format!("invalid large object seek target: {at}")));
        }
        let args = self.args;
        let Some(Datum::Bytes(b)) = args.get(2) else { return Err(self.wrong(2)) };
        pages::write(self.tx, self.eval, object, at, b).await?;
        Ok(Datum::Text(Default::default()))
    }

    async fn import(&mut self) -> Result<Datum> {
        let name = self.text(0)?.to_owned();
        let oid = if self.args.len() > 1 { self.oid(1)? } else { 0 };
        let mut file = on_files({
            let name = name.clone();
            move || File::open(&name).map_err(|e| failed("open", &name, &e))
        })
        .await?;
        let oid = self.create(oid).await?;
        let mut at = 0;
        loop {
            let name = name.clone();
            let (back, chunk) = on_files(move || {
                let mut chunk = Vec::with_capacity(CHUNK);
                let done = Read::by_ref(&mut file).take(CHUNK as u64).read_to_end(&mut chunk);
                done.map_err(|e| failed("read", &name, &e)).map(|_| (file, chunk))
            })
            .await?;
            file = back;
            if chunk.is_empty() {
                return Ok(Datum::Oid(oid));
            }
            self.env.cancel.check()?;
            pages::write(self.tx, self.eval, oid, at, &chunk).await?;
            at += chunk.len() as i64;
        }
    }

    async fn export(&mut self) -> Result<Datum> {
        let (object, name) = (self.oid(0)?, self.text(1)?.to_owned());
        self.allowed(object, false).await?;
        let snap = self.snapshot(false).await?;
        let mut file = on_files({
            let name = name.clone();
            move || File::create(&name).map_err(|e| failed("create", &name, &e))
        })
        .await?;
        let mut at = 0;
        loop {
            self.env.cancel.check()?;
            let chunk = pages::read(self.tx, self.eval, &snap, object, at, CHUNK).await?;
            if chunk.is_empty() {
                return Ok(Datum::Int4(1));
            }
            at += chunk.len() as i64;
            let name = name.clone();
            file =
                on_files(move || file.write_all(&chunk).map_err(|e| failed("write", &name, &e)).map(|()| file)).await?;
        }
    }
}

/// A position as a result, in 32 bits for the older functions.
fn place(n: i32, at: i64, narrow: bool, function: &str) -> Result<Datum> {
    if !narrow {
        return Ok(Datum::Int8(at));
    }
    let out = || {
        let m = format!("{function} result out of range for large-object descriptor {n}");
        DbError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, m)
    };
    i32::try_from(at).map(Datum::Int4).map_err(|_| out())
}

/// Runs file operations where they may wait.
async fn on_files<T: Send + 'static>(f: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(f).await.map_err(|e| DbError::internal(format!("file operation: {e}")))?
}

fn failed(what: &str, name: &str, e: &std::io::Error) -> DbError {
    crate::functions::file_error(&format!("{what} server file"), name, e)
}
