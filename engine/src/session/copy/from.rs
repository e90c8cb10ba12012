//! COPY FROM.
//!
//! Text and CSV take two tasks: a [`Parser`] cuts the stream and makes batches of rows ready while the session reads from
//! the client and stores the batches before. Both channels are short, so memory holds a few batches whatever the speeds;
//! an error arrives behind the rows before it, as if there were one task.

use super::lines::{Fields, Lines, csv_fields, text_fields};
use super::options::{Format, Header, Options};
use super::{binary, check_choice, check_kind, columns, to};
use crate::api::{CopyShape, Output};
use crate::catalog::{Persistence, RelKind, Relation};
use crate::exec::bulk::{Batch, BulkInsert, BulkRows};
use crate::exec::eval::{Compiled, Env, compile};
use crate::plan::ir::{Bound, Rel};
use crate::session::Session;
use crate::session::extended::utf8;
use bytes::Bytes;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, CopyTarget, Ident, Name, Statement, TableLockMode};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::io::{binary_in, text_in};
use std::fs::File;
use std::io::Read;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Bytes read from a file at a time.
const FILE_CHUNK: usize = 256 * 1024;
/// Bytes of the stream that go to the parser at a time.
const PIECE: usize = 64 * 1024;
/// Pieces and batches under way between the two tasks.
const AHEAD: usize = 2;
/// Bytes of a line that an error shows.
const MAX_SHOWN: usize = 100;

/// Where the bytes come from.
enum Input {
    Client,
    File(Option<File>, String),
}

impl Input {
    async fn next(&mut self, out: &mut dyn Output) -> Result<Option<Bytes>> {
        match self {
            Input::Client => out.copy_read().await,
            Input::File(file, path) => {
                let Some(mut f) = file.take() else { return Ok(None) };
                let read = tokio::task::spawn_blocking(move || {
                    let mut buf = vec![0; FILE_CHUNK];
                    f.read(&mut buf).map(|n| {
                        buf.truncate(n);
                        (f, buf)
                    })
                });
                match read.await {
                    Ok(Ok((_, buf))) if buf.is_empty() => Ok(None),
                    Ok(Ok((f, buf))) => {
                        *file = Some(f);
                        Ok(Some(buf.into()))
                    }
                    Ok(Err(e)) => Err(DbError::io(format!("read from COPY file \"{path}\""), &e)),
                    Err(e) => Err(DbError::internal(format!("reading a COPY file failed: {e}"))),
                }
            }
        }
    }
}

/// A column that the stream brings.
struct Target {
    attnum: i16,
    name: String,
    ty: TypeRef,
    force_not_null: bool,
    force_null: bool,
}

/// Makes rows of the stream's fields and batches of the rows.
struct Parser {
    rel: Arc<Relation>,
    targets: Vec<Target>,
    /// Defaults of the columns that the stream does not bring: attribute (0-based) and expression.
    defaults: Vec<(usize, Compiled)>,
    filter: Option<Compiled>,
    eval: Arc<EvalCtx>,
    rows: BulkRows,
    /// The row being made.
    row: Vec<Datum>,
    /// Line or row being read, from 1.
    line: u64,
}

/// Where a parser's batches go.
type Batches = mpsc::Sender<Result<Batch>>;

/// A parser's task, stopped when dropped.
struct Task(tokio::task::AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Parser {
    fn context(&self, column: Option<(&str, &[u8])>) -> String {
        match column {
            Some((name, value)) => {
                format!("COPY {}, line {}, column {name}: \"{}\"", self.rel.name, self.line, cut(value))
            }
            None => format!("COPY {}, line {}", self.rel.name, self.line),
        }
    }

    fn line_context(&self, line: &[u8]) -> String {
        format!("COPY {}, line {}: \"{}\"", self.rel.name, self.line, cut(line))
    }

    /// One value of text or CSV.
    fn value(&self, t: &Target, bytes: &[u8]) -> Result<Datum> {
        let text = utf8(bytes).map_err(|e| e.context(self.context(None)))?;
        text_in(&self.eval, t.ty, text).map_err(|e| e.context(self.context(Some((&t.name, bytes)))))
    }

    fn missing(&self, column: usize) -> DbError {
        let name = self.targets.get(column).map_or("", |t| t.name.as_str());
        DbError::new(SqlState::BAD_COPY_FILE_FORMAT, format!("missing data for column \"{name}\""))
    }

    /// Makes the row of a line's fields.
    fn row_of(&mut self, f: &mut Fields, line: &[u8]) -> Result<()> {
        let mut row = self.empty_row();
        if f.len() > self.targets.len() {
            let e = DbError::new(SqlState::BAD_COPY_FILE_FORMAT, "extra data after last expected column");
            return Err(e.context(self.line_context(line)));
        }
        for (i, t) in self.targets.iter().enumerate() {
            if i >= f.len() {
                return Err(self.missing(i).context(self.line_context(line)));
            }
            let value = match f.get(i) {
                None if t.force_not_null => Some(f.raw(i)),
                Some(b) if t.force_null && b.is_empty() => None,
                v => v,
            };
            if let Some(bytes) = value
                && let Some(slot) = attribute(&mut row, t.attnum)
            {
                *slot = self.value(t, bytes)?;
            }
        }
        self.row = row;
        Ok(())
    }

    /// A row of NULLs, in the memory of the row before if that is left.
    fn empty_row(&mut self) -> Vec<Datum> {
        let mut row = std::mem::take(&mut self.row);
        row.clear();
        row.resize(self.rel.columns.len(), Datum::Null);
        row
    }

    /// Fills defaults in, tests WHERE and adds the row made; answers a batch when one is complete.
    fn add(&mut self, line: Option<&[u8]>) -> Result<Option<Batch>> {
        let mut row = std::mem::take(&mut self.row);
        let wanted = self.complete(&mut row);
        let added = wanted.and_then(|wanted| if wanted { self.rows.push(&mut row) } else { Ok(None) });
        self.row = row;
        added.map_err(|e| match line {
            _ if e.fields.as_ref().is_some_and(|f| f.context.is_some()) => e,
            Some(l) => e.context(self.line_context(l)),
            None => e.context(self.context(None)),
        })
    }

    /// Fills defaults in; whether WHERE lets the row through.
    fn complete(&self, row: &mut [Datum]) -> Result<bool> {
        let env = Env { ctx: &self.eval, params: &[] };
        for (i, d) in &self.defaults {
            let v = d.eval(env, &[])?;
            if let Some(slot) = row.get_mut(*i) {
                *slot = v;
            }
        }
        self.filter.as_ref().map_or(Ok(true), |f| f.test(env, row))
    }

    /// Parses text or CSV until the pieces end or a row is bad.
    async fn run(mut self, o: Options, mut pieces: mpsc::Receiver<Vec<Bytes>>, batches: Batches) {
        let done = self.lines(&o, &mut pieces, &batches).await;
        if let Err(e) = done {
            // Nobody there: the session has given up.
            let _ = batches.send(Err(e)).await;
            return;
        }
        while let Some(last) = self.rows.rest() {
            if batches.send(Ok(last)).await.is_err() {
                return;
            }
        }
    }

    async fn lines(&mut self, o: &Options, pieces: &mut mpsc::Receiver<Vec<Bytes>>, batches: &Batches) -> Result<()> {
        let mut lines = Lines::new(o);
        let mut fields = Fields::default();
        let mut header = o.header;
        loop {
            let more = pieces.recv().await;
            match &more {
                Some(piece) => piece.iter().try_for_each(|b| lines.push(b))?,
                None => lines.end(),
            }
            loop {
                self.line += 1;
                let next = lines.next().map_err(|e| e.context(self.context(None)))?;
                let Some(r) = next else {
                    self.line -= 1;
                    break;
                };
                let line = lines.line(&r);
                if header == Header::Yes {
                    header = Header::No;
                    continue;
                }
                match o.format {
                    Format::Csv => csv_fields(line, o, &mut fields).map_err(|e| e.context(self.line_context(line)))?,
                    _ => text_fields(line, o, &mut fields),
                }
                if header == Header::Match {
                    header = Header::No;
                    match_header(self, &fields, o).map_err(|e| e.context(self.line_context(line)))?;
                    continue;
                }
                if self.targets.is_empty() && line.is_empty() {
                    self.row = self.empty_row();
                } else {
                    self.row_of(&mut fields, line)?;
                }
                if let Some(batch) = self.add(Some(line))?
                    && batches.send(Ok(batch)).await.is_err()
                {
                    return Ok(());
                }
            }
            if more.is_none() {
                return Ok(());
            }
        }
    }
}

fn attribute(row: &mut [Datum], attnum: i16) -> Option<&mut Datum> {
    row.get_mut(usize::try_from(attnum).ok()?.checked_sub(1)?)
}

/// At most [`MAX_SHOWN`] bytes of client text.
fn cut(bytes: &[u8]) -> String {
    if bytes.len() <= MAX_SHOWN {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let mut end = MAX_SHOWN;
    while end > 0 && bytes.get(end).is_some_and(|b| (b & 0xc0) == 0x80) {
        end -= 1;
    }
    format!("{}...", String::from_utf8_lossy(bytes.get(..end).unwrap_or(&[])))
}

/// What is not allowed in WHERE, where it is COPY's.
fn named_where(e: DbError) -> DbError {
    match e.message.strip_suffix("are not allowed in WHERE") {
        Some(what) => {
            let message = format!("{what}are not allowed in COPY FROM WHERE conditions");
            DbError { message: message.into(), ..e }
        }
        None => e,
    }
}

impl Session {
    pub(super) async fn copy_from(
        &mut self,
        c: &ast::Copy,
        name: &Name,
        list: &[Ident],
        o: Options,
        text: &Arc<str>,
        out: &mut dyn Output,
    ) -> Result<String> {
        let rel = self.with_binder(text, &[], |b| b.utility_relation(name))?;
        if rel.persistence == Persistence::Temporary {
            self.shared.temp.note_use();
        } else {
            self.check_read_only("COPY FROM")?;
        }
        self.tx.used = true;
        let lock_timeout = self.limits.lock_timeout;
        let tx = self.tx()?;
        tx.txn.rules.lock_timeout = lock_timeout;
        tx.lock_table(rel.oid, TableLockMode::RowExclusive, false).await?;
        // The definition may have changed while the lock was waited for.
        let rel = self.with_binder(text, &[], |b| b.utility_relation(name))?;
        let cols = columns(&rel, list)?;
        self.check_copy_rights(&rel, &cols)?;
        check_choice(&rel, &cols, &o.force_not_null, "FORCE_NOT_NULL")?;
        check_choice(&rel, &cols, &o.force_null, "FORCE_NULL")?;
        // These are found once the client has been asked for the rows.
        let mut refused = check_kind(&rel, true);
        if refused.is_ok() && o.freeze {
            refused = self.check_freeze(&rel);
        }
        if let (Err(e), CopyTarget::Client) = (&refused, &c.target)
            && !matches!(rel.kind, RelKind::Index | RelKind::Composite)
        {
            let e = e.clone();
            out.copy_in(CopyShape { binary: o.format == Format::Binary, columns: cols.len() as u16 });
            self.note_dependencies();
            out.flush().await?;
            return Err(e);
        }
        refused?;
        let (mut parser, mut insert) = self.loader(c, name, &rel, &cols, &o, text)?;
        let mut input = match &c.target {
            CopyTarget::File(path) => {
                let p = path.clone();
                let opened = tokio::task::spawn_blocking(move || File::open(p)).await;
                let file = opened
                    .map_err(|e| DbError::internal(format!("opening a COPY file failed: {e}")))?
                    .map_err(|e| super::file_error(&e, path, true))?;
                if file.metadata().is_ok_and(|m| m.is_dir()) {
                    let what = format!("\"{path}\" is a directory");
                    return Err(DbError::new(SqlState::WRONG_OBJECT_TYPE, what));
                }
                Input::File(Some(file), path.clone())
            }
            CopyTarget::Client | CopyTarget::Program(_) => {
                let shape = CopyShape { binary: o.format == Format::Binary, columns: parser.targets.len() as u16 };
                out.copy_in(shape);
                self.note_dependencies();
                out.flush().await?;
                Input::Client
            }
        };
        if o.format == Format::Binary {
            self.load_binary(&mut parser, &mut insert, &mut input, out).await?;
        } else {
            self.load_lines(parser, &mut insert, &mut input, o, out).await?;
        }
        let n = insert.finish(self.tx()?).await?;
        self.tx()?.next_command();
        Ok(format!("COPY {n}"))
    }

    /// 42501 unless the role may insert into the columns.
    fn check_copy_rights(&mut self, rel: &Arc<Relation>, cols: &[i16]) -> Result<()> {
        let mut needs = crate::acl::needs::Needs::default();
        let n = needs.relation(rel, None, crate::acl::privs::INSERT);
        if let Some(n) = needs.get_mut(n) {
            n.inserted.extend(cols);
        }
        let role = self.shared.user_oid();
        needs.check(&self.tx()?.catalog, role)?;
        if self.with_binder("", &[], |b| Ok(b.row_security(rel)?.is_some()))? {
            return Err(DbError::unsupported("COPY FROM not supported with row-level security")
                .hint("Use INSERT statements instead."));
        }
        Ok(())
    }

    /// FREEZE is for tables that this transaction has made or truncated, and that nothing else can be reading.
    fn check_freeze(&mut self, rel: &Relation) -> Result<()> {
        if rel.is_partitioned() {
            return Err(DbError::unsupported("cannot perform COPY FREEZE on a partitioned table"));
        }
        let tx = self.tx()?;
        let committed = tx.db.catalog();
        let files = |r: &Relation| r.storage.as_ref().map(|s| s.heap);
        if committed.relation(rel.oid).is_some_and(|r| files(r) == files(rel)) {
            return Err(DbError::new(
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                "cannot perform COPY FREEZE because the table was not created or truncated in the current \
                 subtransaction",
            ));
        }
        Ok(())
    }

    fn loader(
        &mut self,
        c: &ast::Copy,
        name: &Name,
        rel: &Arc<Relation>,
        cols: &[i16],
        o: &Options,
        text: &Arc<str>,
    ) -> Result<(Parser, BulkInsert)> {
        let targets: Vec<Target> = cols
            .iter()
            .filter_map(|n| rel.attribute(*n))
            .map(|a| Target {
                attnum: a.attnum,
                name: a.name.clone(),
                ty: a.ty,
                force_not_null: o.force_not_null.has(&a.name),
                force_null: o.force_null.has(&a.name),
            })
            .collect();
        let defaults = self.with_binder(text, &[], |b| {
            let mut out = Vec::new();
            for (i, a) in rel.columns.iter().enumerate() {
                if a.dropped || cols.contains(&a.attnum) || a.generated != '\0' {
                    continue;
                }
                let e = b.column_default(rel, a)?;
                if !matches!(e.as_const(), Some(Datum::Null)) {
                    out.push((i, compile(&e, &|_| None)?));
                }
            }
            Ok(out)
        })?;
        let filter = match &c.filter {
            None => None,
            Some(f) => {
                refuse_virtual(rel, f)?;
                let names: Vec<&str> = rel.live_columns().map(|c| c.name.as_str()).collect();
                let mut q = to::select_of(name, &names);
                if let ast::QueryBody::Select(s) = &mut q.body {
                    s.filter = Some(f.clone());
                }
                let stmt = Statement::Query(Box::new(q));
                let bound = self.with_binder(text, &[], |b| {
                    b.no_subquery = Some("COPY FROM WHERE condition");
                    b.statement(&stmt)
                });
                let bound = bound.map_err(named_where)?;
                let Some(Bound::Query(q)) = bound else { return Err(DbError::internal("WHERE was not bound")) };
                Some(filter_of(&q.rel)?)
            }
        };
        let insert = self.bind_copy_insert(rel, text)?;
        let env = self.env();
        let eval = Arc::clone(&env.eval);
        let rows = BulkRows::new(self.tx()?, &insert, &env)?;
        let insert = BulkInsert::new(env);
        Ok((Parser { rel: Arc::clone(rel), targets, defaults, filter, eval, rows, row: Vec::new(), line: 0 }, insert))
    }

    /// Text and CSV: reads, and stores what the parser's task makes of it.
    async fn load_lines(
        &mut self,
        parser: Parser,
        insert: &mut BulkInsert,
        input: &mut Input,
        o: Options,
        out: &mut dyn Output,
    ) -> Result<()> {
        let table = parser.rel.name.clone();
        let (pieces, pieces_out) = mpsc::channel(AHEAD);
        let (batches_in, mut batches) = mpsc::channel(AHEAD);
        let _task = Task(tokio::spawn(parser.run(o, pieces_out, batches_in)).abort_handle());
        let mut more = true;
        'read: while more {
            let piece;
            (piece, more) = self.next_piece(input, out).await?;
            loop {
                tokio::select! {
                    biased;
                    batch = batches.recv() => match batch {
                        Some(batch) => self.store_batch(insert, batch?, &table).await?,
                        None => return Err(DbError::internal("the COPY parser ended early")),
                    },
                    room = pieces.reserve() => {
                        // It stops listening behind an error, which is still to come.
                        let Ok(room) = room else { break 'read };
                        room.send(piece);
                        break;
                    }
                }
            }
        }
        drop(pieces);
        while let Some(batch) = batches.recv().await {
            self.store_batch(insert, batch?, &table).await?;
        }
        Ok(())
    }

    /// What the client has sent, about [`PIECE`] bytes of it, and whether more may come.
    async fn next_piece(&mut self, input: &mut Input, out: &mut dyn Output) -> Result<(Vec<Bytes>, bool)> {
        let (mut piece, mut bytes) = (Vec::new(), 0);
        while bytes < PIECE {
            let Some(more) = input.next(out).await? else { return Ok((piece, false)) };
            self.shared.interrupt.check()?;
            bytes += more.len();
            piece.push(more);
        }
        Ok((piece, true))
    }

    async fn store_batch(&mut self, insert: &mut BulkInsert, batch: Batch, table: &str) -> Result<()> {
        self.shared.interrupt.check()?;
        // Rows are stored together: which line it was is not known any more.
        insert.store(self.tx()?, batch).await.map_err(|e| e.context(format!("COPY {table}")))
    }

    async fn load_binary(
        &mut self,
        p: &mut Parser,
        insert: &mut BulkInsert,
        input: &mut Input,
        out: &mut dyn Output,
    ) -> Result<()> {
        let mut rows = binary::Rows::default();
        let mut fields = Vec::new();
        let table = p.rel.name.clone();
        loop {
            let more = input.next(out).await?;
            self.shared.interrupt.check()?;
            match &more {
                Some(bytes) => rows.push(bytes),
                None => rows.end(),
            }
            loop {
                p.line += 1;
                let next = rows.next(p.targets.len(), &mut fields).map_err(|e| e.context(p.context(None)))?;
                if !next {
                    p.line -= 1;
                    break;
                }
                let mut row = p.empty_row();
                for (t, f) in p.targets.iter().zip(&fields) {
                    let Some(f) = f else { continue };
                    let value = binary_in(&p.eval, t.ty, rows.field(f))
                        .map_err(|e| e.context(format!("COPY {}, line {}, column {}", p.rel.name, p.line, t.name)))?;
                    if let Some(slot) = attribute(&mut row, t.attnum) {
                        *slot = value;
                    }
                }
                p.row = row;
                if let Some(batch) = p.add(None)? {
                    self.store_batch(insert, batch, &table).await?;
                }
            }
            if more.is_none() {
                break;
            }
        }
        while let Some(batch) = p.rows.rest() {
            self.store_batch(insert, batch, &table).await?;
        }
        Ok(())
    }
}

/// HEADER MATCH.
fn match_header(l: &Parser, f: &Fields, o: &Options) -> Result<()> {
    let bad = |m: String| Err(DbError::new(SqlState::BAD_COPY_FILE_FORMAT, m));
    if f.len() != l.targets.len() {
        return bad(format!("wrong number of fields in header line: got {}, expected {}", f.len(), l.targets.len()));
    }
    for (i, t) in l.targets.iter().enumerate() {
        match f.get(i) {
            None => {
                return bad(format!(
                    "column name mismatch in header line field {}: got null value (\"{}\"), expected \"{}\"",
                    i + 1,
                    o.null,
                    t.name
                ));
            }
            Some(b) if b != t.name.as_bytes() => {
                return bad(format!(
                    "column name mismatch in header line field {}: got \"{}\", expected \"{}\"",
                    i + 1,
                    String::from_utf8_lossy(b),
                    t.name
                ));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// 42P10 for a virtual column in the condition: the rows that it tests have no value for it.
fn refuse_virtual(rel: &Relation, filter: &ast::Expr) -> Result<()> {
    let mut found = None;
    crate::ddl::each_expr(&mut filter.clone(), &mut |x| {
        if let ast::ExprKind::Column(c) = &x.kind
            && let Some(column) = c.parts.last().and_then(|n| rel.column(&n.value)).filter(|c| c.is_virtual())
        {
            found.get_or_insert_with(|| column.name.clone());
        }
    });
    let Some(name) = found else { return Ok(()) };
    let m = "generated columns are not supported in COPY FROM WHERE conditions";
    Err(DbError::new(SqlState::INVALID_COLUMN_REFERENCE, m).detail(format!("Column \"{name}\" is a generated column.")))
}

/// The condition of `SELECT … FROM t WHERE …`, over a row of the table.
fn filter_of(rel: &Rel) -> Result<Compiled> {
    match rel {
        Rel::Project { input, .. } => filter_of(input),
        Rel::Filter { input, pred } => {
            let Rel::Scan(scan) = &**input else {
                return Err(DbError::unsupported("cannot use subquery in COPY FROM WHERE condition"));
            };
            compile(pred, &|id| {
                let at = scan.cols.iter().find(|c| c.0.id == id)?.1;
                usize::try_from(at).ok()?.checked_sub(1)
            })
        }
        _ => Err(DbError::unsupported("this COPY FROM WHERE condition is not supported")),
    }
}
