//! Mutated messages against the real connection loop. One seed replays everything:
//! `RUSTYDB_FUZZ_SEED` (default 1) and `RUSTYDB_FUZZ_MESSAGES` (default 100,000).
//!
//! What must hold: no panic, no hang, every byte the server sends is part of a whole message, memory stays bounded
//! whatever lengths are claimed, and a well-behaved session beside the others never notices.

mod common;

use common::*;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rustydb_server::auth::Method;
use rustydb_server::metrics;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |v| v.parse().expect("a number"))
}

/// Messages a real client sends, in the main loop and inside COPY.
fn corpus() -> Vec<Vec<u8>> {
    vec![
        query("select 1"),
        query(""),
        query("begin"),
        query("rollback"),
        query("fail"),
        query("notice; select 3"),
        query("rows 50 20"),
        query("batch 40"),
        query("copy in"),
        query("copy bad"),
        query("copy out"),
        parse("", "$1"),
        parse("s", "rows 10"),
        parse("c", "copy in"),
        bind("", "", &[Some(b"value"), None, Some(b"")]),
        bind("p", "s", &[]),
        bind("", "c", &[]),
        describe(b'S', "s"),
        describe(b'P', "p"),
        execute("", 0),
        execute("p", 3),
        message(b'C', b"Ss\0"),
        message(b'C', b"Pp\0"),
        message(b'H', b""),
        sync(),
        sync(),
        message(b'd', b"1\tx\n2\ty\n"),
        message(b'c', b""),
        message(b'f', b"stop\0"),
        message(b'F', b"\0\0\0\x01\0\0\0\0\0\0"),
        message(b'p', b"SCRAM-SHA-256\0\0\0\0\x0bn,,n=,r=abc"),
        message(b'X', b""),
    ]
}

fn mutate(rng: &mut SmallRng, m: &mut Vec<u8>) {
    for _ in 0..rng.random_range(1..4) {
        let len = m.len();
        match rng.random_range(0..11) {
            0 if len > 0 => m[rng.random_range(0..len)] ^= 1 << rng.random_range(0..8),
            1 if len > 0 => m[rng.random_range(0..len)] = rng.random(),
            2 => m.truncate(rng.random_range(0..=len)),
            3 => m.extend((0..rng.random_range(1..40)).map(|_| rng.random::<u8>())),
            4 if len >= 5 => {
                let lies =
                    [0u32, 1, 3, 4, 5, 6, 10_000, 10_005, 65_540, 0x3fff_ffff, 0x4000_0002, 0x7fff_ffff, u32::MAX];
                let lie = lies[rng.random_range(0..lies.len())];
                m[1..5].copy_from_slice(&lie.to_be_bytes());
            }
            5 if len >= 5 => {
                let near = (len as i64 - 1 + rng.random_range(-6..7)).max(0) as u32;
                m[1..5].copy_from_slice(&near.to_be_bytes());
            }
            6 if len > 0 => m[0] = *b"QPBDECHSXFdcfp\0\x16zR".get(rng.random_range(0..18)).unwrap(),
            7 if len > 6 => {
                let at = rng.random_range(5..len);
                m[at] = [0xff, 0xc3, 0xe2, 0xf0, 0x80][rng.random_range(0..5)];
            }
            8 if len > 6 => {
                // A 16- or 32-bit field becomes extreme.
                let at = rng.random_range(5..len - 1);
                let v = [0xffu8, 0x7f, 0x80][rng.random_range(0..3)];
                m[at] = v;
                m[at + 1] = 0xff;
            }
            9 if len > 6 => {
                let at = rng.random_range(5..len);
                m[at] = 0;
            }
            _ => {
                let copy = m.clone();
                m.extend(copy);
            }
        }
    }
}

/// Well-formed lengths around a mutated body, so that decoders and not only the framing see it.
fn reframe(m: &mut [u8]) {
    if m.len() >= 5 {
        let len = m.len() as u32 - 1;
        m[1..5].copy_from_slice(&len.to_be_bytes());
    }
}

fn peak_memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap_or("VmHWM: 0 kB");
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// Writes `input`, closes once the server has fallen silent (it takes a closed stream for a client that went away and
/// would leave the rest unread), reads to the end. Fails on a hang.
/// The flag says that the server ended the session by itself, so that what it said must be complete.
async fn play(raw: Raw, input: &[u8]) -> (Vec<u8>, bool) {
    let (mut rd, mut wr) = tokio::io::split(raw.io);
    let (mut output, mut by_itself) = (Vec::new(), true);
    let mut written = pin!(async {
        // The server may close first; what it does not read is not our concern.
        let _closed = wr.write_all(input).await;
        wr
    });
    let mut writer = None;
    let all = async {
        loop {
            let read = tokio::select! {
                w = written.as_mut(), if writer.is_none() => {
                    writer = Some(w);
                    continue;
                }
                r = rd.read_buf(&mut output) => r,
                () = tokio::time::sleep(Duration::from_millis(1)), if writer.is_some() => {
                    by_itself = false;
                    if let Some(w) = &mut writer {
                        let _closed = w.shutdown().await;
                    }
                    rd.read_to_end(&mut output).await
                }
            };
            if read.unwrap() == 0 {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), all).await.expect("the session ends");
    (output, by_itself)
}

/// Every message is of a known type and whole, save the last if the stream was not `complete`.
fn assert_whole_messages(mut bytes: &[u8], complete: bool, seen: &str) {
    while !bytes.is_empty() {
        let len = bytes.get(1..5).map_or(u32::MAX, |l| u32::from_be_bytes(l.try_into().unwrap())) as usize;
        if !complete && bytes.len() <= len {
            return;
        }
        assert!(bytes.len() >= 5, "{seen}: cut header {bytes:?}");
        assert!(len >= 4 && bytes.len() > len, "{seen}: cut message {:?}", &bytes[..bytes.len().min(40)]);
        assert!(b"RSKZTtDCEINnsA123GHdcv".contains(&bytes[0]), "{seen}: type {}", bytes[0]);
        bytes = &bytes[len + 1..];
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutated_messages() {
    let mut rng = SmallRng::seed_from_u64(env("RUSTYDB_FUZZ_SEED", 1));
    let wanted = env("RUSTYDB_FUZZ_MESSAGES", 100_000);
    let mut fake = Fake::default();
    fake.passwords.insert("ann".into(), "secret".into());
    let (server, fake) = server(fake);
    let mut witness = Raw::connect(&server).await;
    let corpus = corpus();
    let before = peak_memory_kib();
    let (mut messages, mut round) = (0, 0u64);
    while messages < wanted {
        round += 1;
        let count = rng.random_range(1..40);
        let authentication = round % 4 == 0;
        let method = if authentication { Method::Scram } else { Method::Trust };
        let user = if authentication { "ann" } else { "postgres" };
        let mut input =
            startup_packet(196608 + rng.random_range(0..4), &[("user", user), ("application_name", "fuzz")]);
        let startup_intact = round % 3 != 0;
        if !startup_intact {
            mutate(&mut rng, &mut input);
            messages += 1;
        }
        for _ in 0..count {
            let mut m = corpus[rng.random_range(0..corpus.len())].clone();
            match rng.random_range(0..10) {
                0..2 => {}
                2..7 => {
                    mutate(&mut rng, &mut m);
                    reframe(&mut m);
                }
                _ => mutate(&mut rng, &mut m),
            }
            input.extend(m);
            messages += 1;
        }
        let raw = Raw::open_with(&server, method, 1 << rng.random_range(4..17));
        let (output, complete) = play(raw, &input).await;
        if startup_intact {
            assert_whole_messages(&output, complete, &format!("round {round}"));
        }
        if round % 64 == 0 {
            assert_eq!(witness.tags(&query("select 1")).await, "TDCZ", "round {round}");
        }
    }
    assert_eq!(witness.tags(&query("select 1")).await, "TDCZ");
    assert_eq!(metrics::PANICS.get(), 0);
    drop(witness);
    tokio::time::timeout(Duration::from_secs(30), server.emptied()).await.expect("all sessions end");
    assert_eq!(fake.live.load(Ordering::SeqCst), 0);
    let grown = peak_memory_kib().saturating_sub(before);
    assert!(grown < 64 * 1024, "memory grew by {grown} KiB");
    println!("{messages} messages in {round} connections, memory grew by {grown} KiB");
}
