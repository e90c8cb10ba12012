//! `pg_hba.conf` in the data directory: which connections must prove who they are, and how.
//!
//! Lines have PostgreSQL's form: a connection type (`local`, `host`, `hostssl`, `hostnossl`), databases, users, an address
//! (for `host…`) and a method; the first line that fits a connection decides. The methods are `trust`, `reject`,
//! `scram-sha-256` and `password`. The file is read when the server starts, where an error in it stops the start, and
//! again on demand ([`HostRules::load`]), where an error leaves the rules as they were.
//!
//! Left out, and refused when the file is read: host names as addresses, `@` files, authentication options, `hostgssenc`
//! and the other methods.

use parking_lot::RwLock;
use rustydb_base::{DbError, Result, SqlState};
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file's name.
pub const FILE: &str = "pg_hba.conf";
/// Most bytes a file may have.
const MAX_BYTES: u64 = 1 << 20;

/// What a rule demands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Method {
    Trust,
    Reject,
    Scram,
    /// The password itself crosses the wire.
    Password,
}

/// Connection types a rule is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Kind {
    Local,
    Host,
    HostSsl,
    HostNoSsl,
}

impl Kind {
    /// The word of the file.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Local => "local",
            Kind::Host => "host",
            Kind::HostSsl => "hostssl",
            Kind::HostNoSsl => "hostnossl",
        }
    }
}

/// Addresses a rule is for.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Address {
    All,
    /// The server's own addresses, of which only loopback ones are known (`samehost`, `samenet`).
    Own(&'static str),
    /// Network and mask.
    Net(IpAddr, IpAddr),
}

/// A word of a line; quoted words have no special meaning.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Word {
    /// Its text.
    pub text: String,
    quoted: bool,
}

/// A rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Connection type.
    pub kind: Kind,
    /// Databases.
    pub databases: Vec<Word>,
    /// Users.
    pub users: Vec<Word>,
    /// Addresses; `None` for `local`.
    pub address: Option<Address>,
    /// What is demanded.
    pub method: Method,
    /// The method's word.
    pub method_word: String,
}

/// Why a line means nothing, and what may help.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// Message.
    pub message: String,
    /// Hint.
    pub hint: Option<&'static str>,
}

impl From<String> for Mistake {
    fn from(message: String) -> Mistake {
        Mistake { message, hint: None }
    }
}

impl From<&str> for Mistake {
    fn from(message: &str) -> Mistake {
        message.to_owned().into()
    }
}

/// A line that says something: its number and what it means or why it means nothing.
pub type Line = (i32, std::result::Result<Rule, Mistake>);

/// A connection that asks to come in.
pub struct Asked<'a> {
    /// User name.
    pub user: &'a str,
    /// Database name.
    pub database: &'a str,
    /// Client address; `None` on a local socket.
    pub address: Option<IpAddr>,
    /// Encrypted.
    pub tls: bool,
}

/// The rules of a server. The lock is held for a pointer's copy only.
pub struct HostRules {
    path: PathBuf,
    rules: RwLock<Arc<[Rule]>>,
}

impl HostRules {
    /// Those of a data directory, none of them read yet.
    pub fn of(data_dir: &Path) -> HostRules {
        HostRules { path: data_dir.join(FILE), rules: RwLock::new(Arc::new([])) }
    }

    /// Makes the file with this text unless there is one.
    pub fn create(&self, text: &str) -> Result<()> {
        let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.path);
        match made.and_then(|mut f| f.write_all(text.as_bytes()).and_then(|()| f.sync_all())) {
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
                Err(DbError::io(format!("create file \"{}\"", self.path.display()), &e))
            }
            _ => Ok(()),
        }
    }

    /// Reads the file.
    ///
    /// # Errors
    /// F0000 if the file cannot be read or has a line that means nothing. The rules are then as before; each mistake is
    /// logged.
    pub fn load(&self) -> Result<()> {
        let mut rules = Vec::new();
        let mut wrong = false;
        for (number, line) in self.lines()? {
            match line {
                Ok(rule) => rules.push(rule),
                Err(m) => {
                    wrong = true;
                    let hint = m.hint.map(|h| format!(" ({h})")).unwrap_or_default();
                    tracing::error!("{}{hint}, line {number} of \"{}\"", m.message, self.path.display());
                }
            }
        }
        if rules.is_empty() && !wrong {
            wrong = true;
            tracing::error!("configuration file \"{}\" contains no entries", self.path.display());
        }
        if wrong {
            return Err(DbError::new(SqlState::CONFIG_FILE_ERROR, format!("could not load {}", self.path.display())));
        }
        *self.rules.write() = rules.into();
        Ok(())
    }

    /// The file's lines as they are now.
    pub fn lines(&self) -> Result<Vec<Line>> {
        let failed = |e: std::io::Error| DbError::io(format!("open file \"{}\"", self.path.display()), &e);
        let size = std::fs::metadata(&self.path).map_err(failed)?.len();
        if size > MAX_BYTES {
            return Err(DbError::new(
                SqlState::CONFIG_FILE_ERROR,
                format!("configuration file \"{}\" is too large", self.path.display()),
            ));
        }
        let bytes = std::fs::read(&self.path).map_err(failed)?;
        Ok(parse(&String::from_utf8_lossy(&bytes)))
    }

    /// What the first rule that fits demands; `None` if none fits. `member` tells whether the user belongs to a role.
    pub fn decide(&self, asked: &Asked<'_>, member: &dyn Fn(&str) -> bool) -> Option<Method> {
        let rules = Arc::clone(&self.rules.read());
        decide(&rules, asked, member)
    }
}

/// The text of a new directory's file: connections over the local socket and from loopback addresses as the server's
/// flags say, all others by SCRAM.
pub fn default_text(local: &str, loopback: &str) -> String {
    let mut out = String::from(
        "# Who may connect, and how they prove who they are: the first line that fits a connection decides.\n\
         # Changes take effect with SELECT pg_reload_conf() or SIGHUP.\n\
         #\n\
         # TYPE      local (Unix socket), host, hostssl, hostnossl\n\
         # DATABASE  all, sameuser, samerole, or names separated by commas\n\
         # USER      all, names, or +role for the members of a role\n\
         # ADDRESS   all, samehost, samenet, or a network such as 10.0.0.0/8 (not for local)\n\
         # METHOD    trust, reject, scram-sha-256, password\n\
         #\n\
         # Clients at other than loopback addresses always prove themselves by SCRAM, whatever is said here.\n\n\
         # TYPE  DATABASE        USER            ADDRESS                 METHOD\n",
    );
    for (kind, address, method) in [
        ("local", "", local),
        ("host", "127.0.0.1/32", loopback),
        ("host", "::1/128", loopback),
        ("host", "all", "scram-sha-256"),
    ] {
        out.push_str(&format!("{kind:<8}{:<16}{:<16}{address:<24}{method}\n", "all", "all"));
    }
    out
}

/// Splits a line into fields of comma-separated words.
fn fields(line: &str) -> Vec<Vec<Word>> {
    let mut out: Vec<Vec<Word>> = Vec::new();
    let mut chars = line.chars().peekable();
    let mut joined = false;
    while let Some(&c) = chars.peek() {
        match c {
            '#' => break,
            ',' => {
                joined = true;
                chars.next();
            }
            c if c.is_whitespace() => {
                chars.next();
            }
            _ => {
                let (mut text, mut quoted, mut inside) = (String::new(), false, false);
                while let Some(&c) = chars.peek() {
                    match c {
                        '"' => {
                            inside = !inside;
                            quoted = true;
                        }
                        c if !inside && (c.is_whitespace() || c == ',' || c == '#') => break,
                        c => text.push(c),
                    }
                    chars.next();
                }
                let word = Word { text, quoted };
                match out.last_mut().filter(|_| joined) {
                    Some(last) => last.push(word),
                    None => out.push(vec![word]),
                }
                joined = false;
            }
        }
    }
    out
}

fn mask_of(address: IpAddr, bits: u8) -> Option<IpAddr> {
    match address {
        IpAddr::V4(_) if bits <= 32 => Some(IpAddr::V4(u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0).into())),
        IpAddr::V6(_) if bits <= 128 => {
            Some(IpAddr::V6(u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0).into()))
        }
        _ => None,
    }
}

type Parsed<T> = std::result::Result<T, Mistake>;

fn parse_ip(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

/// The one word that a field must be.
fn one<'f>(field: &'f [Word], what: &str, hint: &'static str) -> Parsed<&'f Word> {
    match field {
        [word] => Ok(word),
        _ => Err(Mistake { message: format!("multiple values specified for {what}"), hint: Some(hint) }),
    }
}

/// Names of databases or users.
fn names(field: &[Word]) -> Parsed<Vec<Word>> {
    match field.iter().find(|w| !w.quoted && w.text.starts_with('@')) {
        Some(w) => Err(format!("files of names (\"{}\") are not supported", w.text).into()),
        None => Ok(field.to_vec()),
    }
}

fn address<'f>(text: &str, netmask: &mut dyn FnMut() -> Parsed<&'f str>) -> Parsed<Address> {
    match text {
        "all" => return Ok(Address::All),
        "samehost" => return Ok(Address::Own("samehost")),
        "samenet" => return Ok(Address::Own("samenet")),
        _ => {}
    }
    let (host, bits) = match text.split_once('/') {
        Some((host, bits)) => (host, Some(bits)),
        None => (text, None),
    };
    let Some(ip) = parse_ip(host) else {
        return Err(match bits {
            Some(_) => format!("specifying both host name and CIDR mask is invalid: \"{text}\"").into(),
            None => format!("host names (\"{text}\") are not supported as addresses").into(),
        });
    };
    if let Some(bits) = bits {
        let mask = bits.parse().ok().and_then(|b| mask_of(ip, b));
        return match mask {
            Some(mask) => Ok(Address::Net(ip, mask)),
            None => Err(format!("invalid CIDR mask in address \"{text}\"").into()),
        };
    }
    let word = netmask()?;
    let Some(mask) = parse_ip(word) else {
        return Err(format!("invalid IP mask \"{word}\": Name or service not known").into());
    };
    if mask.is_ipv4() != ip.is_ipv4() {
        return Err("IP address and mask do not match".into());
    }
    Ok(Address::Net(ip, mask))
}

fn rule(fields: &[Vec<Word>]) -> Parsed<Rule> {
    let mut it = fields.iter();
    let mut next = |what: &str| it.next().ok_or_else(|| Mistake::from(format!("end-of-line before {what}")));
    let kind = one(next("connection type")?, "connection type", "Specify exactly one connection type per line.")?;
    let kind = match kind.text.as_str() {
        "local" => Kind::Local,
        "host" => Kind::Host,
        "hostssl" => Kind::HostSsl,
        "hostnossl" => Kind::HostNoSsl,
        "hostgssenc" => {
            return Err("hostgssenc record cannot match because GSSAPI is not supported by this build".into());
        }
        // Every connection is one without GSSAPI encryption.
        "hostnogssenc" => Kind::Host,
        other => return Err(format!("invalid connection type \"{other}\"").into()),
    };
    let databases = names(next("database specification")?)?;
    let users = names(next("role specification")?)?;
    let mut place = None;
    if kind != Kind::Local {
        let hint = "Specify one address range per line.";
        let word = one(next("IP address specification")?, "host address", hint)?;
        place = Some(address(&word.text, &mut || {
            let field = next("netmask specification").map_err(|m| Mistake {
                hint: Some("Specify an address range in CIDR notation, or provide a separate netmask."),
                ..m
            })?;
            one(field, "netmask", "Specify one netmask per line.").map(|w| w.text.as_str())
        })?);
    }
    let hint = "Specify exactly one authentication type per line.";
    let method_word = one(next("authentication method")?, "authentication type", hint)?.text.clone();
    let method = match method_word.as_str() {
        "trust" => Method::Trust,
        "reject" => Method::Reject,
        "scram-sha-256" => Method::Scram,
        "password" => Method::Password,
        "md5" | "ident" | "peer" | "gss" | "sspi" | "pam" | "bsd" | "ldap" | "cert" | "radius" => {
            return Err(format!("invalid authentication method \"{method_word}\": not supported by this build").into());
        }
        other => return Err(format!("invalid authentication method \"{other}\"").into()),
    };
    if let Some(option) = it.next().and_then(|f| f.first()).map(|w| w.text.as_str()) {
        return Err(match option.split_once('=') {
            Some((name, _)) => format!("unrecognized authentication option name: \"{name}\""),
            None => format!("authentication option not in name=value format: {option}"),
        }
        .into());
    }
    Ok(Rule { kind, databases, users, address: place, method, method_word })
}

/// The lines of a file that say something.
fn parse(text: &str) -> Vec<Line> {
    text.lines()
        .zip(1..)
        .map(|(line, n)| (n, fields(line)))
        .filter(|(_, f)| !f.is_empty())
        .map(|(n, f)| (n, rule(&f)))
        .collect()
}

fn masked(ip: IpAddr, mask: IpAddr) -> Option<u128> {
    match (ip, mask) {
        (IpAddr::V4(a), IpAddr::V4(m)) => Some(u128::from(u32::from(a) & u32::from(m))),
        (IpAddr::V6(a), IpAddr::V6(m)) => Some(u128::from(a) & u128::from(m)),
        _ => None,
    }
}

impl Rule {
    /// Whether it is for a connection. `member` tells whether the user belongs to a role.
    fn fits(&self, a: &Asked<'_>, member: &dyn Fn(&str) -> bool) -> bool {
        let kind = match (self.kind, a.address) {
            (Kind::Local, None) | (Kind::Host, Some(_)) => true,
            (Kind::HostSsl, Some(_)) => a.tls,
            (Kind::HostNoSsl, Some(_)) => !a.tls,
            _ => false,
        };
        let address = match (&self.address, a.address) {
            (None, _) | (Some(Address::All), _) => true,
            (Some(Address::Own(_)), Some(ip)) => ip.to_canonical().is_loopback(),
            (Some(Address::Net(net, mask)), Some(ip)) => {
                let ip = ip.to_canonical();
                masked(ip, *mask).is_some_and(|m| Some(m) == masked(*net, *mask))
            }
            (Some(_), None) => false,
        };
        let database = self.databases.iter().any(|w| match w.text.as_str() {
            "all" if !w.quoted => true,
            "sameuser" if !w.quoted => a.database == a.user,
            "samerole" | "samegroup" if !w.quoted => member(a.database),
            "replication" if !w.quoted => false,
            name => name == a.database,
        });
        let user = self.users.iter().any(|w| match w.text.as_str() {
            "all" if !w.quoted => true,
            name => match name.strip_prefix('+').filter(|_| !w.quoted) {
                Some(role) => member(role),
                None => name == a.user,
            },
        });
        kind && address && database && user
    }
}

fn decide(rules: &[Rule], a: &Asked<'_>, member: &dyn Fn(&str) -> bool) -> Option<Method> {
    rules.iter().find(|r| r.fits(a, member)).map(|r| r.method)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<Rule> {
        parse(text).into_iter().filter_map(|l| l.1.ok()).collect()
    }

    #[test]
    fn the_first_line_that_fits_decides() {
        let r = rules(
            "# comment\nlocal all all trust\nhost \"all\" ann 127.0.0.1/32 reject\n\
             hostssl db,other +staff 10.0.0.0 255.0.0.0 scram-sha-256\nhost sameuser all ::1/128 trust\n",
        );
        assert_eq!(r.len(), 4);
        let ask = |user, database, address: Option<&str>, tls| {
            let address = address.map(|a| a.parse().expect("an address"));
            decide(&r, &Asked { user, database, address, tls }, &|role| role == "staff" && user == "bob")
        };
        assert_eq!(ask("x", "y", None, false), Some(Method::Trust));
        assert_eq!(ask("ann", "all", Some("127.0.0.1"), false), Some(Method::Reject));
        assert_eq!(ask("ann", "db", Some("127.0.0.1"), false), None);
        assert_eq!(ask("bob", "other", Some("10.9.8.7"), true), Some(Method::Scram));
        assert_eq!(ask("bob", "other", Some("10.9.8.7"), false), None);
        assert_eq!(ask("eve", "other", Some("10.9.8.7"), true), None);
        assert_eq!(ask("ann", "ann", Some("::1"), false), Some(Method::Trust));
    }

    #[test]
    fn what_is_wrong_is_told_by_line() {
        let lines =
            parse("host all all 127.0.0.1/33 trust\n\nlocal all\nlocal all all kerberos\nnowhere all all trust");
        let numbers: Vec<i32> = lines.iter().map(|l| l.0).collect();
        assert_eq!(numbers, [1, 3, 4, 5]);
        assert!(lines.iter().all(|l| l.1.is_err()));
    }
}
