//! The connection loop over an in-memory stream: what is answered, in which order, and what state the session is in
//! afterwards. The expected sequences are PostgreSQL's.

mod common;

use common::*;
use rustydb_server::auth::Method;
use rustydb_server::server::Limits;
use std::sync::atomic::Ordering;
use std::time::Duration;

async fn wait_for(what: &str, f: impl Fn() -> bool) {
    tokio::time::timeout(Duration::from_secs(20), async {
        while !f() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("{what}"));
}

fn error(messages: &[Msg]) -> (String, String) {
    let e = messages.iter().find(|m| m.tag == b'E').unwrap_or_else(|| panic!("no error in {messages:?}"));
    (e.field(b'C').unwrap(), e.field(b'M').unwrap())
}

#[tokio::test]
async fn startup_tells_what_clients_need() {
    let (server, _) = server(Fake::default());
    let mut raw = Raw::open(&server);
    raw.send(&startup_packet(196608, &[("user", "postgres")])).await;
    let all = raw.until(b'Z').await;
    assert_eq!(tags(&all), "RSSSSSSKZ");
    assert_eq!(all[0].body, [0, 0, 0, 0]);
    assert_eq!(all[1].body, b"server_version\x0015.0\0");
    assert_eq!(all[7].body.len(), 8, "4-byte key in 3.0");
    assert_eq!(all[8].body, b"I");
}

#[tokio::test]
async fn newer_minor_versions_are_negotiated() {
    let (server, _) = server(Fake::default());
    let mut raw = Raw::open(&server);
    raw.send(&startup_packet(3 << 16 | 9999, &[("user", "postgres"), ("_pq_.odd", "1")])).await;
    let all = raw.until(b'Z').await;
    assert_eq!(tags(&all), "vRSSSSSSKZ");
    assert_eq!(all[0].body, b"\0\x03\0\x02\0\0\0\x01_pq_.odd\0");
    assert_eq!(all[8].body.len(), 36, "32-byte key from 3.2 on");
    let mut raw = Raw::open(&server);
    raw.send(&startup_packet(3 << 16 | 2, &[("user", "postgres")])).await;
    assert_eq!(tags(&raw.until(b'Z').await), "RSSSSSSKZ");
}

#[tokio::test]
async fn refused_startups() {
    let (server, fake) = server(Fake::default());
    for (packet, code, text) in [
        (
            startup_packet(2 << 16, &[("user", "u")]),
            "0A000",
            "unsupported frontend protocol 2.0: server supports 3.0 to 3.2",
        ),
        (startup_packet(196608, &[]), "28000", "no PostgreSQL user name specified in startup packet"),
        (startup_packet(196608, &[("user", "nobody")]), "28000", "role \"nobody\" does not exist"),
        (startup_packet(196608, &[("user", "nologin")]), "28000", "role \"nologin\" is not permitted to log in"),
        (
            startup_packet(196608, &[("user", "postgres"), ("database", "missing")]),
            "3D000",
            "database \"missing\" does not exist",
        ),
        (startup_packet(1234 << 16 | 5679, &[]), "", ""),
    ] {
        let mut raw = Raw::open(&server);
        raw.send(&packet).await;
        if code.is_empty() {
            // An SSLRequest of the wrong size is still one; it is refused with a bare byte.
            let mut byte = [0u8; 1];
            tokio::io::AsyncReadExt::read_exact(&mut raw.io, &mut byte).await.unwrap();
            assert_eq!(&byte, b"N");
            continue;
        }
        let all = raw.rest().await;
        assert_eq!(error(&all), (code.to_owned(), text.to_owned()));
        assert_eq!(all.last().unwrap().field(b'S').unwrap(), "FATAL");
    }
    // Packets that cannot be one: closed without a word, whatever is asked for.
    for packet in
        [&b"GET / HTTP/1.1\r\n"[..], b"\0\0\0\x04", b"\0\0\0\x07abc", b"\0\0\x27\x11\0\x03\0\0", b"\xff\xff\xff\xff"]
    {
        let mut raw = Raw::open(&server);
        raw.send(packet).await;
        assert_eq!(raw.rest().await, []);
    }
    wait_for("no session stays", || fake.live.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn encryption_requests_are_declined_in_a_byte() {
    let (server, _) = server(Fake::default());
    let mut raw = Raw::open(&server);
    for code in [5679u32, 5680] {
        raw.send(&[&8u32.to_be_bytes()[..], &(1234 << 16 | code).to_be_bytes()[..]].concat()).await;
        let mut byte = [0u8; 1];
        tokio::io::AsyncReadExt::read_exact(&mut raw.io, &mut byte).await.unwrap();
        assert_eq!(&byte, b"N");
    }
    raw.send(&startup_packet(196608, &[("user", "postgres")])).await;
    raw.until(b'Z').await;
    // A second request of a kind is no request but a bad version.
    let mut raw = Raw::open(&server);
    let gss = [&8u32.to_be_bytes()[..], &(1234u32 << 16 | 5680).to_be_bytes()[..]].concat();
    raw.send(&[gss.clone(), gss].concat()).await;
    let mut byte = [0u8; 1];
    tokio::io::AsyncReadExt::read_exact(&mut raw.io, &mut byte).await.unwrap();
    assert_eq!(error(&raw.rest().await).0, "0A000");
}

#[tokio::test]
async fn simple_queries() {
    let (server, _) = server(Fake::default());
    let mut raw = Raw::connect(&server).await;
    assert_eq!(raw.tags(&query("select 7")).await, "TDCZ");
    assert_eq!(raw.tags(&query("")).await, "IZ");
    assert_eq!(raw.tags(&query("select 1; select 2;")).await, "TDCTDCZ");
    assert_eq!(raw.tags(&query("select 1; fail; select 2")).await, "TDCEZ");
    assert_eq!(raw.tags(&query("notice")).await, "NSACZ");
    assert_eq!(raw.tags(&message(b'F', b"junk")).await, "EZ");
    raw.send(&query("fail")).await;
    let e = raw.until(b'Z').await.remove(0);
    let fields: String = b"SVCMDHPWstcdn".iter().filter(|f| e.field(**f).is_some()).map(|f| *f as char).collect();
    assert_eq!(fields, "SVCMDHPWstcdn");
    assert_eq!((e.field(b'C').unwrap().as_str(), e.field(b'P').unwrap().as_str()), ("22012", "7"));
}

#[tokio::test]
async fn extended_queries() {
    let (server, _) = server(Fake::default());
    let mut raw = Raw::connect(&server).await;
    let all = [
        parse("s", "$1"),
        describe(b'S', "s"),
        bind("", "s", &[Some(b"hello")]),
        describe(b'P', ""),
        execute("", 0),
        sync(),
    ];
    assert_eq!(raw.tags(&all.concat()).await, "1tT2TDCZ");
    let again = [bind("", "s", &[None]), execute("", 0), bind("", "s", &[Some(b"")]), execute("", 0), sync()].concat();
    raw.send(&again).await;
    let all = raw.until(b'Z').await;
    assert_eq!(tags(&all), "2DC2DCZ");
    assert_eq!(
        (all[1].body.as_slice(), all[4].body.as_slice()),
        (&b"\0\x01\xff\xff\xff\xff"[..], &b"\0\x01\0\0\0\0"[..])
    );
    let close = |kind: u8, name: &str| message(b'C', &[&[kind], name.as_bytes(), b"\0"].concat());
    assert_eq!(raw.tags(&[close(b'S', "s"), close(b'P', "unknown"), sync()].concat()).await, "33Z");
    assert_eq!(
        raw.tags(&[parse("", ""), bind("", "", &[]), describe(b'P', ""), execute("", 0), sync()].concat()).await,
        "12nIZ"
    );
}

#[tokio::test]
async fn portals_suspend_and_go_on() {
    let (server, _) = server(Fake::default());
    let mut raw = Raw::connect(&server).await;
    let all =
        [query("begin"), parse("", "rows 5"), bind("p", "", &[]), execute("p", 2), execute("p", 2), sync()].concat();
    raw.send(&all).await;
    assert_eq!(tags(&raw.until(b'Z').await), "CZ");
    assert_eq!(tags(&raw.until(b'Z').await), "12DDsDDsZ");
    assert_eq!(raw.tags(&[execute("p", 2), sync()].concat()).await, "DCZ");
}

#[tokio::test]
async fn an_error_skips_to_sync() {
    let (server, _) = server(Fake::default());
    let mut raw = Raw::connect(&server).await;
    let all = [parse("", "fail"), bind("", "", &[]), execute("", 0), parse("", "select 1"), query("select 2"), sync()]
        .concat();
    assert_eq!(raw.tags(&all).await, "12EZ");
    assert_eq!(raw.tags(&[parse("", "nonsense"), bind("", "", &[]), sync(), query("select 1")].concat()).await, "EZ");
    assert_eq!(tags(&raw.until(b'Z').await), "TDCZ");
}

#[tokio::test]
async fn flush_answers_without_sync() {
    let (server, _) = server(Fake::default());
    let mut raw = Raw::connect(&server).await;
    raw.send(&[parse("", "select 1"), describe(b'S', ""), message(b'H', b"")].concat()).await;
    assert_eq!(tags(&raw.until(b'T').await), "1tT");
    assert_eq!(raw.tags(&sync()).await, "Z");
}

#[tokio::test]
async fn malformed_messages_are_errors_and_the_session_goes_on() {
    let (server, _) = server(Fake::default());
    let mut raw = Raw::connect(&server).await;
    let cases: &[(u8, &[u8], &str, &str)] = &[
        (b'Q', b"select 1", "08P01", "invalid string in message"),
        (b'Q', b"select 1\0x", "08P01", "invalid message format"),
        (b'Q', b"", "08P01", "invalid string in message"),
        (b'Q', b"\xc3\x28\0", "22021", "invalid byte sequence for encoding \"UTF8\": 0xc3 0x28"),
        (b'P', b"a\0b", "08P01", "invalid string in message"),
        (b'P', b"a\0b\0\0\x05\0\0\0\x01", "08P01", "insufficient data left in message"),
        (b'B', b"\0\0\0\0\0\x01\0\0\xff\xff", "08P01", "insufficient data left in message"),
        (b'B', b"\0\xff\0\0\0\0\0\0\0", "22021", "invalid byte sequence for encoding \"UTF8\": 0xff"),
        (b'D', b"", "08P01", "no data left in message"),
        (b'D', b"Xa\0", "08P01", "invalid DESCRIBE message subtype 88"),
        (b'C', b"?a\0", "08P01", "invalid CLOSE message subtype 63"),
        (b'E', b"\0", "08P01", "insufficient data left in message"),
        (b'S', b"x", "08P01", "invalid message format"),
        (b'H', b"x", "08P01", "invalid message format"),
    ];
    for (tag, body, code, text) in cases {
        raw.send(&message(*tag, body)).await;
        if !matches!(tag, b'Q' | b'S') {
            raw.send(&sync()).await;
        }
        let all = raw.until(b'Z').await;
        assert_eq!(tags(&all), "EZ", "{:?} {body:?}", *tag as char);
        assert_eq!(error(&all), ((*code).to_owned(), (*text).to_owned()), "{:?} {body:?}", *tag as char);
    }
    // In a transaction block a malformed message fails the block, as any error does.
    assert_eq!(raw.tags(&query("begin")).await, "CZ");
    raw.send(&message(b'Q', b"x")).await;
    assert_eq!(raw.until(b'Z').await[1].body, b"E");
    assert_eq!(raw.tags(&query("rollback")).await, "CZ");
    assert_eq!(raw.tags(&query("select 1")).await, "TDCZ");
}

#[tokio::test]
async fn bytes_that_cannot_be_a_message_end_the_session() {
    let (server, fake) = server(Fake::default());
    for (bytes, said) in [
        (vec![0u8, 0, 0, 0, 4], Some("invalid frontend message type 0")),
        (message(b'y', b""), Some("invalid frontend message type 121")),
        (message(b'p', b"pw\0"), Some("invalid frontend message type 112")),
        (b"Q\0\0\0\x03".to_vec(), None),
        (b"Q\x7f\xff\xff\xff".to_vec(), None),
        (b"S\0\0\x40\0".to_vec(), None),
    ] {
        let mut raw = Raw::connect(&server).await;
        raw.send(&bytes).await;
        let all = raw.rest().await;
        match said {
            Some(text) => assert_eq!(error(&all), ("08P01".into(), text.into())),
            None => assert_eq!(all, []),
        }
    }
    wait_for("sessions end", || fake.live.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn nothing_but_passwords_before_authentication() {
    let mut fake = Fake::default();
    fake.passwords.insert("ann".into(), "secret".into());
    let (server, fake) = server(fake);
    for (bytes, said) in [
        (query("select 1"), Some("expected SASL response, got message type 81")),
        (message(b'd', &[0; 100]), Some("expected SASL response, got message type 100")),
        (b"p\0\0\0\x02".to_vec(), None),
        (b"p\0\x02\0\0".to_vec(), None),
        (message(b'p', b""), Some("invalid string in message")),
        (message(b'p', b"SCRAM-SHA-256\0"), Some("insufficient data left in message")),
        (message(b'p', b"SCRAM-SHA-256\0\0\0\0\x09n,,"), Some("invalid message format")),
        (message(b'p', b"OAUTH\0\0\0\0\0"), Some("client selected an invalid SASL authentication mechanism")),
        (message(b'p', b"SCRAM-SHA-256\0\0\0\0\x03n,,"), Some("malformed SCRAM message")),
    ] {
        let mut raw = Raw::open_with(&server, Method::Scram, 1 << 16);
        raw.send(&startup_packet(196608, &[("user", "ann")])).await;
        assert_eq!(raw.until(b'R').await[0].body, b"\0\0\0\x0aSCRAM-SHA-256\0\0");
        raw.send(&bytes).await;
        let all = raw.rest().await;
        match said {
            Some(text) => assert_eq!(error(&all), ("08P01".into(), text.into())),
            None => assert_eq!(all, []),
        }
    }
    assert_eq!(fake.live.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn copy_in_both_protocols() {
    let (server, _) = server(Fake::default());
    let mut raw = Raw::connect(&server).await;
    let data = |n: usize| message(b'd', &vec![b'x'; n]);
    let done = message(b'c', b"");
    raw.send(&query("copy in")).await;
    let g = raw.until(b'G').await;
    assert_eq!(g[0].body, b"\0\0\x02\0\0\0\0");
    raw.send(&[data(10), message(b'H', b""), data(0), data(100_000), done.clone()].concat()).await;
    let all = raw.until(b'Z').await;
    assert_eq!((tags(&all).as_str(), all[0].body.as_slice()), ("CZ", &b"COPY 100010\0"[..]));

    raw.send(&[parse("", "copy in"), bind("", "", &[]), execute("", 0), sync()].concat()).await;
    assert_eq!(tags(&raw.until(b'G').await), "12G");
    // The Sync sent with Execute is swallowed by COPY, so the client sends another.
    raw.send(&[data(3), done.clone(), sync()].concat()).await;
    assert_eq!(tags(&raw.until(b'Z').await), "CZ");

    raw.send(&query("copy in")).await;
    raw.until(b'G').await;
    raw.send(&[data(3), message(b'f', b"no more\0")].concat()).await;
    assert_eq!(error(&raw.until(b'Z').await), ("57014".into(), "COPY from stdin failed: no more".into()));

    // The server fails first: what the client still sends is ignored.
    raw.send(&[query("copy bad"), data(5), data(5), done.clone()].concat()).await;
    assert_eq!(tags(&raw.until(b'Z').await), "GEZ");
    raw.send(&[parse("", "copy bad"), bind("", "", &[]), execute("", 0), data(5), data(5), done, sync()].concat())
        .await;
    assert_eq!(tags(&raw.until(b'Z').await), "12GEZ");

    assert_eq!(raw.tags(&query("copy out")).await, "HdddcCZ");
    assert_eq!(
        raw.tags(&[parse("", "copy out"), bind("", "", &[]), execute("", 0), sync()].concat()).await,
        "12HdddcCZ"
    );
}

#[tokio::test]
async fn other_messages_during_copy_end_the_session() {
    let (server, _) = server(Fake::default());
    let mut raw = Raw::connect(&server).await;
    raw.send(&[query("copy in"), query("select 1")].concat()).await;
    let all = raw.rest().await;
    assert_eq!(tags(&all), "GEE");
    assert_eq!(error(&all), ("08P01".into(), "unexpected message type 0x51 during COPY from stdin".into()));
    assert_eq!(all[2].field(b'M').unwrap(), "terminating connection because protocol synchronization was lost");
    // Cut off in the middle of COPY: the session ends, nothing hangs.
    let mut raw = Raw::connect(&server).await;
    raw.send(&[query("copy in"), b"d\0\0\x10\0abc".to_vec()].concat()).await;
    raw.until(b'G').await;
    drop(raw);
    wait_for("the session ends", || server.registry.is_empty()).await;
}

#[tokio::test]
async fn rows_and_batches_agree() {
    let (server, _) = server(Fake::default());
    let mut raw = Raw::connect(&server).await;
    raw.send(&query("batch 5")).await;
    let all = raw.until(b'Z').await;
    assert_eq!(tags(&all), "TDDDDDCZ");
    assert_eq!(all[1].body, b"\0\x02\0\0\0\x010\0\0\0\x06text 0");
    assert_eq!(all[3].body, b"\0\x02\xff\xff\xff\xff\0\0\0\x06text 2");
    assert_eq!(all[5].body, b"\0\x02\0\0\0\x014\xff\xff\xff\xff");
    // Binary.
    let b = b"\0\0\0\0\0\0\0\x01\0\x01";
    raw.send(&[parse("", "batch 1"), message(b'B', b), describe(b'P', ""), execute("", 0), sync()].concat()).await;
    let all = raw.until(b'Z').await;
    assert_eq!(tags(&all), "12TDCZ");
    assert_eq!(all[3].body, b"\0\x02\0\0\0\x04\0\0\0\0\0\0\0\x06text 0");
}

#[tokio::test]
async fn cancel_requests() {
    let (server, fake) = server(Fake::default());
    let mut raw = Raw::open(&server);
    raw.send(&startup_packet(3 << 16 | 2, &[("user", "postgres")])).await;
    let key = raw.until(b'Z').await.into_iter().find(|m| m.tag == b'K').unwrap().body;
    raw.send(&query("sleep")).await;
    let cancel = |key: &[u8]| {
        let mut m = (key.len() as u32 + 8).to_be_bytes().to_vec();
        m.extend((1234u32 << 16 | 5678).to_be_bytes());
        m.extend(key);
        m
    };
    // Wrong key, short key, unknown pid: silence, and nothing happens.
    let mut wrong = key.clone();
    wrong[20] ^= 1;
    for bad in [&wrong[..], &key[..8], &[0u8; 8][..], &key[..4], &[]] {
        let mut c = Raw::open(&server);
        c.send(&cancel(bad)).await;
        assert_eq!(c.rest().await, []);
    }
    assert_eq!(fake.cancelled.load(Ordering::SeqCst), 0);
    let mut c = Raw::open(&server);
    c.send(&cancel(&key)).await;
    assert_eq!(c.rest().await, []);
    assert_eq!(error(&raw.until(b'Z').await).0, "57014");
    assert_eq!(raw.tags(&query("select 1")).await, "TDCZ");
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_its_query() {
    let (server, fake) = server(Fake::default());
    for protocol in 0..2 {
        let mut raw = Raw::connect(&server).await;
        match protocol {
            0 => raw.send(&query("sleep")).await,
            _ => raw.send(&[parse("", "sleep"), bind("", "", &[]), execute("", 0), sync()].concat()).await,
        }
        drop(raw);
        wait_for("the query is cancelled", || fake.cancelled.load(Ordering::SeqCst) == protocol + 1).await;
        wait_for("the session ends", || fake.live.load(Ordering::SeqCst) == 0).await;
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_stalls_only_itself() {
    let (server, fake) = server(Fake::default());
    let mut stalled = Raw::connect(&server).await;
    stalled.send(&query("rows 100000000 100")).await;
    wait_for("rows are produced", || fake.produced.load(Ordering::SeqCst) > 100).await;
    let mut other = Raw::connect(&server).await;
    for _ in 0..100 {
        assert_eq!(other.tags(&query("select 1")).await, "TDCZ");
    }
    let before = fake.produced.load(Ordering::SeqCst);
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    let produced = fake.produced.load(Ordering::SeqCst);
    assert_eq!(before, produced, "the producer waits");
    assert!(produced * 105 < 400_000, "only the buffers filled: {produced} rows");
    // Told to end, it ends, though its client still does not read.
    server.registry.terminate();
    wait_for("the stalled session ends", || fake.live.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn pipelined_input_is_read_only_up_to_a_bound() {
    let (server, _) = server(Fake::default());
    let mut raw = Raw::connect(&server).await;
    raw.send(&query("sleep")).await;
    // 64 KiB ahead and the pipe's own 64 KiB; then the writer waits.
    let flood = tokio::time::timeout(Duration::from_millis(300), async {
        let mut sent = 0;
        loop {
            raw.send(&query("select 1")).await;
            sent += 14;
            assert!(sent < 400_000, "input is not bounded");
        }
    });
    assert!(flood.await.is_err());
}

#[tokio::test]
async fn a_panic_ends_one_session() {
    let (server, fake) = server(Fake::default());
    let mut other = Raw::connect(&server).await;
    let mut raw = Raw::connect(&server).await;
    raw.send(&query("panic")).await;
    let all = raw.rest().await;
    assert_eq!((tags(&all).as_str(), error(&all).0.as_str()), ("E", "XX000"));
    assert_eq!(all[0].field(b'S').unwrap(), "FATAL");
    assert_eq!(other.tags(&query("select 1")).await, "TDCZ");
    wait_for("its session is gone", || fake.live.load(Ordering::SeqCst) == 1).await;
    assert_eq!(server.registry.len(), 1);
}

#[tokio::test]
async fn fatal_errors_end_the_session_and_panics_the_server() {
    let (server, _) = server(Fake::default());
    let mut raw = Raw::connect(&server).await;
    raw.send(&query("fatal")).await;
    let all = raw.rest().await;
    assert_eq!((tags(&all).as_str(), all[0].field(b'S').unwrap().as_str()), ("E", "FATAL"));
    let mut raw = Raw::connect(&server).await;
    raw.send(&query("poison")).await;
    assert_eq!(raw.rest().await[0].field(b'S').unwrap(), "PANIC");
    let e = tokio::time::timeout(Duration::from_secs(20), server.faulted()).await.unwrap();
    assert_eq!(e.message, "scripted fault");
}

#[tokio::test]
async fn nothing_leaves_before_the_gate_opens() {
    let (server, fake) = server(Fake::default());
    let mut raw = Raw::connect(&server).await;
    fake.gate.close();
    raw.send(&query("select 1")).await;
    let early = tokio::time::timeout(Duration::from_millis(100), raw.until(b'Z')).await;
    assert!(early.is_err(), "{early:?}");
    fake.gate.open_it();
    assert_eq!(tags(&raw.until(b'Z').await), "TDCZ");
    // A gate that fails: the answer is never seen, the error is.
    fake.gate.break_it();
    raw.send(&query("select 1")).await;
    let all = raw.rest().await;
    assert_eq!((tags(&all).as_str(), error(&all).1.as_str()), ("E", "log sync failed"));
}

#[tokio::test]
async fn idle_in_transaction_timeout() {
    let (server, _) = server(Fake { idle_limit: Some(Duration::from_millis(50)), ..Fake::default() });
    let mut raw = Raw::connect(&server).await;
    raw.send(&query("begin")).await;
    let all = raw.rest().await;
    assert_eq!(tags(&all), "CZE");
    assert_eq!(error(&all), ("25P03".into(), "terminating connection due to idle-in-transaction timeout".into()));
}

#[tokio::test]
async fn admission() {
    let limits = Limits { max_connections: 3, superuser_reserved: 1, ..Limits::default() };
    let mut fake = Fake::default();
    fake.passwords.insert("ann".into(), "pw".into());
    let (server, _) = server_with(fake, limits);
    let mut open = Vec::new();
    for user in ["ann", "ann"] {
        let mut raw = Raw::open(&server);
        raw.send(&startup_packet(196608, &[("user", user)])).await;
        raw.until(b'Z').await;
        open.push(raw);
    }
    let refused = async |user: &str| {
        let mut raw = Raw::open(&server);
        raw.send(&startup_packet(196608, &[("user", user)])).await;
        error(&raw.rest().await)
    };
    assert_eq!(
        refused("ann").await,
        ("53300".into(), "remaining connection slots are reserved for non-replication superuser connections".into())
    );
    open.push(Raw::connect(&server).await);
    assert_eq!(refused("postgres").await, ("53300".into(), "sorry, too many clients already".into()));
    open.clear();
    wait_for("slots come back", || server.registry.is_empty()).await;
    Raw::connect(&server).await;
}

#[tokio::test]
async fn authentication_takes_only_so_long() {
    let limits = Limits { authentication_timeout: Duration::from_millis(50), ..Limits::default() };
    let (server, _) = server_with(Fake::default(), limits);
    let mut raw = Raw::open(&server);
    assert_eq!(raw.rest().await, [], "silence before the startup packet");
    let mut raw = Raw::open_with(&server, Method::Scram, 1 << 16);
    raw.send(&startup_packet(196608, &[("user", "postgres")])).await;
    let all = raw.rest().await;
    assert_eq!(error(&all), ("57014".into(), "canceling authentication due to timeout".into()));
}

#[tokio::test]
async fn draining_ends_idle_sessions_and_waits_for_transactions() {
    let (server, _) = server(Fake::default());
    let mut idle = Raw::connect(&server).await;
    let mut busy = Raw::connect(&server).await;
    assert_eq!(busy.tags(&query("begin")).await, "CZ");
    server.drain();
    assert_eq!(
        error(&idle.rest().await),
        ("57P01".into(), "terminating connection due to administrator command".into())
    );
    let mut late = Raw::open(&server);
    late.send(&startup_packet(196608, &[("user", "postgres")])).await;
    assert_eq!(error(&late.rest().await), ("57P03".into(), "the database system is shutting down".into()));
    assert_eq!(busy.tags(&query("select 1")).await, "TDCZ");
    assert_eq!(busy.tags(&query("commit")).await, "CZ");
    assert_eq!(error(&busy.rest().await).0, "57P01");
    tokio::time::timeout(Duration::from_secs(20), server.emptied()).await.unwrap();
}

#[tokio::test]
async fn termination_ends_a_running_statement() {
    let (server, _) = server(Fake::default());
    let mut raw = Raw::connect(&server).await;
    raw.send(&query("sleep")).await;
    tokio::task::yield_now().await;
    server.terminate();
    assert_eq!(error(&raw.rest().await).0, "57P01");
}

#[tokio::test]
async fn messages_arriving_byte_by_byte() {
    let (server, _) = server(Fake::default());
    let mut raw = Raw::open_with(&server, Method::Trust, 1);
    let all = [startup_packet(196608, &[("user", "postgres")]), query("select 1"), message(b'X', b"")].concat();
    let (mut rd, mut wr) = tokio::io::split(std::mem::replace(&mut raw.io, tokio::io::duplex(1).0));
    let writer = tokio::spawn(async move {
        tokio::io::AsyncWriteExt::write_all(&mut wr, &all).await.unwrap();
        wr
    });
    let mut seen = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut rd, &mut seen).await.unwrap();
    writer.await.unwrap();
    assert!(seen.ends_with(b"Z\0\0\0\x05I"), "{seen:?}");
}

#[tokio::test]
async fn large_messages_share_one_budget() {
    let limits = Limits { ingest_bytes: 4 << 20, ..Limits::default() };
    let (server, _) = server_with(Fake::default(), limits);
    let mut a = Raw::connect(&server).await;
    let mut b = Raw::connect(&server).await;
    let big = query(&format!("select 1{}", " ".repeat(4 << 20)));
    // The first holds its reservation while its message is incomplete.
    a.send(&big[..big.len() - 1]).await;
    // The server stops reading once it refuses, so the second write may fail.
    for part in [&big[..1 << 16], &big[1 << 16..]] {
        let _closed = tokio::io::AsyncWriteExt::write_all(&mut b.io, part).await;
    }
    let all = b.rest().await;
    assert_eq!(error(&all).0, "53200");
    a.send(&big[big.len() - 1..]).await;
    assert_eq!(tags(&a.until(b'Z').await), "TDCZ");
}
