//! A store on real files, with the tables of TPC-B.

use rustydb_base::{RelId, Result, Rid};
use rustydb_storage::am::{IndexDesc, Method};
use rustydb_storage::heap::{Datum, Decode, Rel, RowBuf, TableLayout, TmResult};
use rustydb_storage::io::{IoMethod, open_dir};
use rustydb_storage::rt::TokioRuntime;
use rustydb_storage::store::{CommitOptions, RelationKind, Session, Store, StoreOptions, Txn};
use rustydb_storage::table::{Changed, Inserted, Key, TableDesc};
use rustydb_storage::txn::{Isolation, Snapshot};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// A directory that goes away with its owner.
pub struct Dir(pub PathBuf);

impl Dir {
    pub fn new(name: &str) -> Dir {
        let base = std::env::var_os("RUSTYDB_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
        let path = base.join(format!("rustydb-bench-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory for the benchmark");
        Dir(path)
    }

    /// Bytes of all files in it.
    pub fn bytes(&self) -> u64 {
        fn walk(p: &Path) -> u64 {
            let Ok(list) = std::fs::read_dir(p) else { return 0 };
            let size = |e: std::fs::DirEntry| match e.metadata() {
                Ok(m) if m.is_dir() => walk(&e.path()),
                // Blocks, since files are sparse.
                Ok(m) => std::os::unix::fs::MetadataExt::blocks(&m) * 512,
                Err(_) => 0,
            };
            list.flatten().map(size).sum()
        }
        walk(&self.0)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        // Whatever cannot be removed is in the temporary directory.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn runtime(workers: usize) -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build().expect("a runtime")
}

/// Sizes at which nothing but what is measured happens.
pub fn quiet() -> StoreOptions {
    StoreOptions {
        pool_bytes: 512 << 20,
        checkpoint_distance: 8 << 30,
        checkpoint_timeout: Duration::from_secs(3600),
        max_transactions: 64,
        ..StoreOptions::default()
    }
}

pub async fn open(dir: &Dir, options: StoreOptions) -> Arc<Store> {
    let io = open_dir(&dir.0, IoMethod::Auto).expect("some I/O method works");
    let rt = TokioRuntime::new(tokio::runtime::Handle::current());
    Store::open(options, io, rt).await.expect("the directory opens")
}

pub fn key(k: i32) -> [u8; 4] {
    ((k as u32) ^ 0x8000_0000).to_be_bytes()
}

/// A table with an index on its first column, or none.
pub async fn table(t: &mut Txn, cols: &[Decode], indexed: bool) -> Result<TableDesc> {
    let heap = t.create_relation(RelationKind::Heap, true).await?;
    let mut indexes = Vec::new();
    if indexed {
        let rel = t.create_relation(RelationKind::Index(Method::BTREE), true).await?;
        indexes.push(IndexDesc { rel, heap, complete: true, method: Method::BTREE });
    }
    let rel = Rel::new(heap, RelId(0));
    Ok(TableDesc { rel, layout: Arc::new(TableLayout::simple(cols)?), indexes })
}

pub async fn commit(store: &Store, mut t: Txn) -> Result<()> {
    let done = t.commit(CommitOptions::default()).await?;
    store.gate(done.lsn.max(done.dep_lsn)).await
}

/// Fills a table with rows of `values(k)`, in batches as COPY does.
pub async fn fill(store: &Arc<Store>, d: &TableDesc, n: i32, values: impl Fn(i32) -> Vec<Vec<u8>>) -> Result<()> {
    let mut k = 0;
    while k < n {
        let mut t = store.begin(Isolation::ReadCommitted)?;
        for _ in 0..50 {
            let upto = (k + 100).min(n);
            let (mut images, mut keys) = (Vec::new(), Vec::new());
            for i in k..upto {
                let vals = values(i);
                let vals: Vec<Datum<'_>> = vals.iter().map(|v| Datum::Bytes(v)).collect();
                let mut image = Vec::new();
                t.encode(d, &vals, &mut image).await?;
                images.push(image);
                keys.push(key(i));
            }
            let keys: Vec<Option<Key<'_>>> = match d.indexes.is_empty() {
                true => Vec::new(),
                false => keys.iter().map(|k| Some(Key { bytes: k, unique: true })).collect(),
            };
            let images: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
            assert!(t.insert_batch(d, &images, &keys).await?.is_ok(), "keys are new");
            t.next_command();
            k = upto;
        }
        commit(store, t).await?;
    }
    Ok(())
}

/// The row with a key.
pub async fn find(t: &mut Txn, d: &TableDesc, snap: &Snapshot, k: i32, row: &mut RowBuf) -> Result<Rid> {
    let (layout, want) = (&d.layout, k.to_le_bytes());
    let same = |r: &[u8]| Ok(layout.value(r, 0)? == Datum::Bytes(&want));
    let found = t.point_get(snap, d.rel, &d.indexes[0], &key(k), row, same).await?;
    Ok(found.expect("keys are never deleted"))
}

/// Tables of TPC-B.
pub struct Bank {
    pub accounts: TableDesc,
    pub tellers: TableDesc,
    pub branches: TableDesc,
    pub history: TableDesc,
    pub rows: i32,
}

impl Bank {
    /// Makes and fills them.
    pub async fn new(store: &Arc<Store>, rows: i32) -> Result<Bank> {
        let mut t = store.begin(Isolation::ReadCommitted)?;
        let money = [Decode::I32, Decode::I32, Decode::I32, Decode::Bin];
        let bank = Bank {
            accounts: table(&mut t, &money, true).await?,
            tellers: table(&mut t, &money, true).await?,
            branches: table(&mut t, &money, true).await?,
            history: table(&mut t, &[Decode::I32, Decode::I32, Decode::I32, Decode::I32, Decode::I64], false).await?,
            rows,
        };
        commit(store, t).await?;
        let row = |k: i32| vec![k.to_le_bytes().to_vec(), vec![1, 0, 0, 0], vec![0; 4], vec![b' '; 84]];
        for (d, n) in [(&bank.accounts, rows), (&bank.tellers, 100), (&bank.branches, 10)] {
            fill(store, d, n, row).await?;
        }
        Ok(bank)
    }

    /// Adds to a balance; re-reads the row when somebody else was faster.
    pub async fn add(&self, t: &mut Txn, d: &TableDesc, k: i32, amount: i32, row: &mut RowBuf) -> Result<()> {
        loop {
            let snap = t.snapshot();
            let rid = find(t, d, &snap, k, row).await?;
            let new = {
                let Datum::Bytes(old) = d.layout.value(row, 2)? else { panic!("balances are not NULL") };
                i32::from_le_bytes(old.try_into().expect("four bytes")).wrapping_add(amount)
            };
            let (k4, new) = (k.to_le_bytes(), new.to_le_bytes());
            let vals = [Datum::Bytes(&k4), Datum::Bytes(&[1, 0, 0, 0]), Datum::Bytes(&new), Datum::Bytes(&[b' '; 84])];
            let done = t.update(d, &snap, rid, row, &vals, &[], false).await?;
            t.next_command();
            match done {
                Changed::Heap(TmResult::Ok) => return Ok(()),
                Changed::Heap(TmResult::Updated) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// One transaction; answers where its history row lies.
    pub async fn transfer(&self, session: &Session, n: u64, row: &mut RowBuf, delete: Option<Rid>) -> Result<Rid> {
        let mut x = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x ^= x >> 29;
        let mut t = session.begin(Isolation::ReadCommitted)?;
        let account = (x % self.rows as u64) as i32;
        self.add(&mut t, &self.accounts, account, 7, row).await?;
        let (teller, branch) = ((x >> 40) as i32 % 100, (x >> 50) as i32 % 10);
        self.add(&mut t, &self.tellers, teller.abs(), 7, row).await?;
        self.add(&mut t, &self.branches, branch.abs(), 7, row).await?;
        let four = [teller.to_le_bytes(), branch.to_le_bytes(), account.to_le_bytes(), 7i32.to_le_bytes()];
        let when = n.to_le_bytes();
        let mut vals: Vec<Datum<'_>> = four.iter().map(|v| Datum::Bytes(v)).collect();
        vals.push(Datum::Bytes(&when));
        let Inserted::Row(rid) = t.insert(&self.history, &vals, &[]).await? else { panic!("history has no keys") };
        if let Some(old) = delete {
            t.next_command();
            let snap = t.snapshot();
            assert!(t.fetch(&snap, self.history.rel, old, row).await?, "nobody else deletes it");
            let done = t.delete(&self.history, &snap, old, row, &[]).await?;
            assert_eq!(done, TmResult::Ok);
        }
        commit(session.store(), t).await?;
        Ok(rid)
    }
}
