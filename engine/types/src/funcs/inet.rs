//! inet and cidr: a family (4 or 6), a mask length, and the address' 4 or 16 bytes.

use super::args::{comparisons, scalar};
use super::int::{byte_difference, sign};
use crate::bytetype::ByteType;
use crate::ctx::EvalCtx;
use crate::io::OutCtx;
use crate::io::binary::bad_format;
use crate::kernel::Kernel;
use crate::oid;
use rustydb_base::{DbError, Result, SqlState};
use std::cmp::Ordering;

/// `PGSQL_AF_INET` and `PGSQL_AF_INET6` of the wire form.
const WIRE_FAMILY: [u8; 2] = [2, 3];

/// A value taken apart.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Net {
    v6: bool,
    bits: u8,
    /// The address in the upper bits of the family's width.
    addr: u128,
}

impl Net {
    fn width(self) -> u8 {
        if self.v6 { 128 } else { 32 }
    }

    /// A value's parts; damaged ones are 0.0.0.0/0.
    fn of(b: &[u8]) -> Net {
        match b {
            [6, bits, addr @ ..] if addr.len() == 16 => {
                Net { v6: true, bits: (*bits).min(128), addr: addr.iter().fold(0, |n, b| n << 8 | u128::from(*b)) }
            }
            [4, bits, addr @ ..] if addr.len() == 4 => {
                Net { v6: false, bits: (*bits).min(32), addr: addr.iter().fold(0, |n, b| n << 8 | u128::from(*b)) }
            }
            _ => Net { v6: false, bits: 0, addr: 0 },
        }
    }

    fn stored(self) -> Vec<u8> {
        let mut out = vec![if self.v6 { 6 } else { 4 }, self.bits];
        let bytes = self.addr.to_be_bytes();
        out.extend_from_slice(if self.v6 { &bytes } else { &bytes[12..] });
        out
    }

    /// All bits of the family.
    fn all(self) -> u128 {
        if self.v6 { u128::MAX } else { u32::MAX.into() }
    }

    /// The bits behind a mask of so many.
    fn host_bits(self, bits: u8) -> u128 {
        let n = u32::from(self.width().saturating_sub(bits));
        if n >= 128 { u128::MAX } else { (1u128 << n) - 1 }
    }

    /// The address with the bits behind `bits` zero.
    fn network(self, bits: u8) -> u128 {
        self.addr & !self.host_bits(bits)
    }

    fn text(self, with_bits: bool) -> String {
        let mut out = if self.v6 { v6_text(self.addr) } else { v4_text(self.addr as u32) };
        if with_bits {
            out.push_str(&format!("/{}", self.bits));
        }
        out
    }
}

fn v4_text(a: u32) -> String {
    std::net::Ipv4Addr::from(a).to_string()
}

/// The longest run of zero words (of two at least) is left out; some addresses end in the form of version 4.
fn v6_text(a: u128) -> String {
    let words: Vec<u16> = (0..8).map(|i| (a >> (112 - 16 * i)) as u16).collect();
    let (mut best, mut run) = ((0, 0), (0, 0));
    for (i, w) in words.iter().enumerate() {
        if *w == 0 {
            run = if run.1 == 0 { (i, 1) } else { (run.0, run.1 + 1) };
            if run.1 > best.1 {
                best = run;
            }
        } else {
            run = (0, 0);
        }
    }
    if best.1 < 2 {
        best = (0, 0);
    }
    let mut out = String::new();
    let mut i = 0;
    while i < 8 {
        if best.1 > 0 && i == best.0 {
            out.push_str("::");
            i += best.1;
            continue;
        }
        if i > 0 && !out.ends_with(':') {
            out.push(':');
        }
        let mapped = best.0 == 0 && (best.1 == 6 || best.1 == 5 && words[5] == 0xffff || best.1 == 7 && words[7] != 1);
        if i == 6 && mapped {
            out.push_str(&v4_text(a as u32));
            break;
        }
        out.push_str(&format!("{:x}", words[i]));
        i += 1;
    }
    out
}

fn invalid(ty: &str, s: &str) -> DbError {
    DbError::new(SqlState::INVALID_TEXT_REPRESENTATION, format!("invalid input syntax for type {ty}: \"{s}\""))
}

/// Decimal digits up to a bound.
fn number(s: &str, max: u32) -> Option<u32> {
    if s.is_empty() || s.len() > 3 || !s.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    s.parse().ok().filter(|n| *n <= max)
}

fn parse_v4(s: &str, cidr: bool) -> Option<Net> {
    let (addr, bits) = match s.split_once('/') {
        Some((a, b)) => (a, Some(number(b, 32)? as u8)),
        None => (s, None),
    };
    let octets: Vec<u32> = addr.split('.').map(|p| number(p, 255)).collect::<Option<_>>()?;
    let n = octets.len();
    // Octets may be missing where the mask says what they are: in cidr, or with a mask.
    if n > 4 || n < 4 && !cidr && bits.is_none_or(|b| usize::from(b) > n * 8) {
        return None;
    }
    let a = (0..4).fold(0u32, |a, i| a << 8 | octets.get(i).copied().unwrap_or(0));
    let bits = match bits {
        Some(b) => b,
        None if !cidr => 32,
        None => {
            // By the class of the address, but never fewer than what is written.
            let class = match octets.first()? {
                240.. => 32,
                224.. => 8,
                192.. => 24,
                128.. => 16,
                _ => 8,
            };
            let written = (n * 8) as u8;
            match class.max(written) {
                8 if octets.first() == Some(&224) => 4,
                b => b,
            }
        }
    };
    Some(Net { v6: false, bits, addr: a.into() })
}

fn parse(s: &str, cidr: bool) -> Option<Net> {
    if !s.contains(':') {
        return parse_v4(s, cidr);
    }
    let (addr, bits) = match s.split_once('/') {
        Some((a, b)) => (a, number(b, 128)? as u8),
        None => (s, 128),
    };
    let a: std::net::Ipv6Addr = addr.parse().ok()?;
    Some(Net { v6: true, bits, addr: a.into() })
}

fn inet_in(_: &EvalCtx, s: &str) -> Result<Vec<u8>> {
    parse(s, false).map(Net::stored).ok_or_else(|| invalid("inet", s))
}

fn cidr_in(_: &EvalCtx, s: &str) -> Result<Vec<u8>> {
    let n = parse(s, true).ok_or_else(|| invalid("cidr", s))?;
    if n.network(n.bits) != n.addr {
        return Err(DbError::new(SqlState::INVALID_TEXT_REPRESENTATION, format!("invalid cidr value: \"{s}\""))
            .detail("Value has bits set to right of mask."));
    }
    Ok(n.stored())
}

fn inet_text(b: &[u8]) -> String {
    let n = Net::of(b);
    n.text(n.bits != n.width())
}

fn inet_out(_: OutCtx<'_>, b: &[u8], out: &mut Vec<u8>) -> Result<()> {
    out.extend_from_slice(inet_text(b).as_bytes());
    Ok(())
}

fn cidr_out(_: OutCtx<'_>, b: &[u8], out: &mut Vec<u8>) -> Result<()> {
    out.extend_from_slice(Net::of(b).text(true).as_bytes());
    Ok(())
}

fn receive(b: &[u8], cidr: bool) -> Result<Vec<u8>> {
    let ty = if cidr { "cidr" } else { "inet" };
    let bad = |what: &str| {
        DbError::new(SqlState::INVALID_BINARY_REPRESENTATION, format!("invalid {what} in external \"{ty}\" value"))
    };
    let [family, bits, _, len, addr @ ..] = b else { return Err(bad_format()) };
    let v6 = match *family {
        f if f == WIRE_FAMILY[0] => false,
        f if f == WIRE_FAMILY[1] => true,
        _ => return Err(bad("address family")),
    };
    let width: u8 = if v6 { 128 } else { 32 };
    if *bits > width {
        return Err(bad("bits"));
    }
    if *len != width / 8 || addr.len() != usize::from(*len) {
        return Err(bad("length"));
    }
    let n = Net { v6, bits: *bits, addr: addr.iter().fold(0, |n, b| n << 8 | u128::from(*b)) };
    if cidr && n.network(n.bits) != n.addr {
        return Err(DbError::new(SqlState::INVALID_BINARY_REPRESENTATION, "invalid external \"cidr\" value")
            .detail("Value has bits set to right of mask."));
    }
    Ok(n.stored())
}

fn send(b: &[u8], cidr: bool, out: &mut Vec<u8>) {
    let n = Net::of(b);
    out.extend_from_slice(&[WIRE_FAMILY[usize::from(n.v6)], n.bits, u8::from(cidr), n.width() / 8]);
    out.extend_from_slice(b.get(2..).unwrap_or_default());
}

fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let (x, y) = (Net::of(a), Net::of(b));
    let common = x.bits.min(y.bits);
    x.v6.cmp(&y.v6)
        .then_with(|| x.network(common).cmp(&y.network(common)))
        .then_with(|| x.bits.cmp(&y.bits))
        .then_with(|| x.addr.cmp(&y.addr))
}

/// [`compare`] as `network_cmp` shows it: the difference of the first whole bytes that differ, else of the masks.
fn order_shown(a: &[u8], b: &[u8]) -> i32 {
    let (x, y) = (Net::of(a), Net::of(b));
    if x.v6 != y.v6 {
        return sign(x.v6.cmp(&y.v6));
    }
    let bytes = |n: Net, bits: u8| {
        let all = n.addr.to_be_bytes();
        let own = &all[if n.v6 { 0 } else { 12 }..];
        own[..usize::from(bits / 8).min(own.len())].to_vec()
    };
    let common = x.bits.min(y.bits);
    let whole = byte_difference(&bytes(x, common), &bytes(y, common));
    if whole != 0 {
        return whole;
    }
    match x.network(common).cmp(&y.network(common)) {
        Ordering::Equal if x.bits != y.bits => i32::from(x.bits) - i32::from(y.bits),
        Ordering::Equal => byte_difference(&bytes(x, x.width()), &bytes(y, y.width())),
        o => sign(o),
    }
}

/// Family, network, mask, address: ordered as [`compare`] says, since a shorter mask's network is the smaller.
fn put_key(b: &[u8], out: &mut Vec<u8>) {
    let n = Net::of(b);
    out.push(u8::from(n.v6));
    out.extend_from_slice(&n.network(n.bits).to_be_bytes());
    out.push(n.bits);
    out.extend_from_slice(&n.addr.to_be_bytes());
}

/// inet.
pub static INET: ByteType = ByteType {
    oid: oid::INET,
    text_in: inet_in,
    text_out: inet_out,
    recv: |_, b| receive(b, false),
    send: |b, out| send(b, false, out),
    typmod: None,
    compare: Some(compare),
    put_key,
};

/// cidr.
pub static CIDR: ByteType = ByteType {
    oid: oid::CIDR,
    text_in: cidr_in,
    text_out: cidr_out,
    recv: |_, b| receive(b, true),
    send: |b, out| send(b, true, out),
    typmod: None,
    compare: Some(compare),
    put_key,
};

/// Whether `b` lies in `a`'s network; a network lies in itself.
fn within(a: Net, b: Net) -> bool {
    a.v6 == b.v6 && a.bits <= b.bits && a.network(a.bits) == b.network(a.bits)
}

fn mask_length(b: &[u8], bits: i32, cidr: bool) -> Result<Vec<u8>> {
    let n = Net::of(b);
    let bits = match bits {
        -1 => n.width(),
        v => u8::try_from(v)
            .ok()
            .filter(|v| *v <= n.width())
            .ok_or_else(|| DbError::new(SqlState::INVALID_PARAMETER_VALUE, format!("invalid mask length: {v}")))?,
    };
    let addr = if cidr { n.network(bits) } else { n.addr };
    Ok(Net { bits, addr, ..n }.stored())
}

/// A cidr without the octets that its mask leaves out.
fn cidr_abbrev(b: &[u8]) -> String {
    let n = Net::of(b);
    if n.v6 {
        return n.text(true);
    }
    let octets = usize::from(n.bits.div_ceil(8)).max(1);
    let text = v4_text(n.addr as u32);
    let kept: Vec<&str> = text.split('.').take(octets).collect();
    format!("{}/{}", kept.join("."), n.bits)
}

fn same_size(a: &[u8], b: &[u8], name: &str, f: fn(u128, u128) -> u128) -> Result<Vec<u8>> {
    let (x, y) = (Net::of(a), Net::of(b));
    if x.v6 != y.v6 {
        return Err(DbError::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("cannot {name} inet values of different sizes"),
        ));
    }
    Ok(Net { v6: x.v6, bits: x.bits.max(y.bits), addr: f(x.addr, y.addr) }.stored())
}

fn out_of_range() -> DbError {
    DbError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "result is out of range")
}

fn add(b: &[u8], n: i128) -> Result<Vec<u8>> {
    let v = Net::of(b);
    let sum = if n < 0 { v.addr.checked_sub(n.unsigned_abs()) } else { v.addr.checked_add(n.unsigned_abs()) };
    let addr = sum.filter(|a| *a <= v.all()).ok_or_else(out_of_range)?;
    Ok(Net { addr, ..v }.stored())
}

fn difference(a: &[u8], b: &[u8]) -> Result<i64> {
    let (x, y) = (Net::of(a), Net::of(b));
    if x.v6 != y.v6 {
        return Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, "cannot subtract inet values of different sizes"));
    }
    let v =
        if x.addr >= y.addr { i128::try_from(x.addr - y.addr) } else { i128::try_from(y.addr - x.addr).map(|v| -v) };
    v.ok().and_then(|v| i64::try_from(v).ok()).ok_or_else(out_of_range)
}

/// The smallest network that both lie in.
fn merge(a: &[u8], b: &[u8]) -> Result<Vec<u8>> {
    let (x, y) = (Net::of(a), Net::of(b));
    if x.v6 != y.v6 {
        return Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, "cannot merge addresses from different families"));
    }
    let most = x.bits.min(y.bits);
    let bits = (0..=most).rev().find(|n| x.network(*n) == y.network(*n)).unwrap_or(0);
    Ok(Net { bits, addr: x.network(bits), ..x }.stored())
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[
    &comparisons!(
        "network_eq",
        "network_ne",
        "network_lt",
        "network_le",
        "network_gt",
        "network_ge",
        |a: &[u8], b: &[u8]| compare(a, b)
    ),
    &[
        scalar!("network_cmp", |a: &[u8], b: &[u8]| order_shown(a, b)),
        scalar!("network_larger", |a: &[u8], b: &[u8]| if compare(a, b).is_gt() { a.to_vec() } else { b.to_vec() }),
        scalar!("network_smaller", |a: &[u8], b: &[u8]| if compare(a, b).is_lt() { a.to_vec() } else { b.to_vec() }),
        scalar!("network_sub", |a: &[u8], b: &[u8]| {
            let (a, b) = (Net::of(a), Net::of(b));
            within(b, a) && a.bits > b.bits
        }),
        scalar!("network_subeq", |a: &[u8], b: &[u8]| within(Net::of(b), Net::of(a))),
        scalar!("network_sup", |a: &[u8], b: &[u8]| {
            let (a, b) = (Net::of(a), Net::of(b));
            within(a, b) && b.bits > a.bits
        }),
        scalar!("network_supeq", |a: &[u8], b: &[u8]| within(Net::of(a), Net::of(b))),
        scalar!("network_overlap", |a: &[u8], b: &[u8]| {
            let (a, b) = (Net::of(a), Net::of(b));
            within(a, b) || within(b, a)
        }),
        scalar!("inet_abbrev", |a: &[u8]| inet_text(a)),
        scalar!("cidr_abbrev", |a: &[u8]| cidr_abbrev(a)),
        scalar!("inet_set_masklen", |a: &[u8], n: i32| mask_length(a, n, false)),
        scalar!("cidr_set_masklen", |a: &[u8], n: i32| mask_length(a, n, true)),
        scalar!("network_network", |a: &[u8]| {
            let n = Net::of(a);
            Net { addr: n.network(n.bits), ..n }.stored()
        }),
        scalar!("inet_to_cidr", |a: &[u8]| {
            let n = Net::of(a);
            Net { addr: n.network(n.bits), ..n }.stored()
        }),
        scalar!("network_netmask", |a: &[u8]| {
            let n = Net::of(a);
            Net { bits: n.width(), addr: n.all() & !n.host_bits(n.bits), ..n }.stored()
        }),
        scalar!("network_hostmask", |a: &[u8]| {
            let n = Net::of(a);
            Net { bits: n.width(), addr: n.all() & n.host_bits(n.bits), ..n }.stored()
        }),
        scalar!("network_broadcast", |a: &[u8]| {
            let n = Net::of(a);
            Net { addr: n.addr | n.all() & n.host_bits(n.bits), ..n }.stored()
        }),
        scalar!("network_masklen", |a: &[u8]| i32::from(Net::of(a).bits)),
        scalar!("network_host", |a: &[u8]| Net::of(a).text(false)),
        scalar!("network_show", |a: &[u8]| Net::of(a).text(true)),
        scalar!("network_family", |a: &[u8]| if Net::of(a).v6 { 6 } else { 4 }),
        scalar!("inetnot", |a: &[u8]| {
            let n = Net::of(a);
            Net { addr: n.all() & !n.addr, ..n }.stored()
        }),
        scalar!("inetand", |a: &[u8], b: &[u8]| same_size(a, b, "AND", |x, y| x & y)),
        scalar!("inetor", |a: &[u8], b: &[u8]| same_size(a, b, "OR", |x, y| x | y)),
        scalar!("inetpl", |a: &[u8], n: i64| add(a, n.into())),
        scalar!("int8pl_inet(bigint,inet)", |n: i64, a: &[u8]| add(a, n.into())),
        // The least number has no opposite and is subtracted as what it is.
        scalar!("inetmi_int8", |a: &[u8], n: i64| add(a, n.wrapping_neg().into())),
        scalar!("inetmi", |a: &[u8], b: &[u8]| difference(a, b)),
        scalar!("inet_merge", |a: &[u8], b: &[u8]| merge(a, b)),
        scalar!("inet_same_family", |a: &[u8], b: &[u8]| Net::of(a).v6 == Net::of(b).v6),
    ],
];
