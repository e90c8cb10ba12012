//! Flags, environment and `-c` settings to one validated configuration. Settings the server itself acts on are read here;
//! all of them are handed to the engine too, which knows every setting's name and range and answers SHOW.

use crate::auth::Method;
use crate::server::Limits;
use rustydb_base::{DbError, Result, SqlState};
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// PostgreSQL's port.
pub const DEFAULT_PORT: u16 = 5432;

/// What `--help` prints.
pub const HELP: &str = "\
RustyDB is a PostgreSQL-compatible database server.

Usage:
  rustydb [OPTION]...
  rustydb check -D DIR [OPTION]...  verify every page, index, undo record and log batch of a database
                                    directory that no server has open; exit code 1 if anything is damaged

Options:
  -D DIR                            database directory (default: $PGDATA)
  -p, --port PORT                   port number to listen on (default: $PGPORT, else 5432)
  -h, --host ADDR[,ADDR...]         addresses to listen on (default: 127.0.0.1; * for all)
  -k DIR                            Unix-domain socket location
                                    (default: /var/run/postgresql if it can be used, else /tmp)
  -N NUM                            maximum number of connections
  -l                                enable SSL connections (needs ssl_cert_file and ssl_key_file)
  -c NAME=VALUE, --NAME=VALUE       set run-time parameter
  --superuser-password-file FILE    set the superuser's password from the first line of FILE
  --auth-local METHOD               trust (default) or scram-sha-256 for the Unix socket
  --auth-host METHOD                trust (default) or scram-sha-256 for loopback addresses;
                                    other addresses always use scram-sha-256
  -V, --version                     output version information, then exit
  -?, --help                        show this help, then exit

Addresses other than loopback are served only when the superuser has a password.
";

/// A complete configuration.
#[derive(Debug)]
pub struct Config {
    /// Data directory.
    pub data_dir: PathBuf,
    /// Port of every listener.
    pub port: u16,
    /// Hosts to listen on; empty for none.
    pub hosts: Vec<String>,
    /// Directories of Unix sockets; `None` for the usual one, empty for none.
    pub socket_dirs: Option<Vec<PathBuf>>,
    /// File mode of Unix sockets.
    pub socket_mode: u32,
    /// Certificate and key, when ssl is on.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Numbers.
    pub limits: Limits,
    /// Every `-c` setting in the order given, later ones winning.
    pub settings: Vec<(String, String)>,
    /// The superuser's password, from its file.
    pub superuser_password: Option<Zeroizing<String>>,
    /// For the Unix socket.
    pub auth_local: Method,
    /// For loopback addresses.
    pub auth_host: Method,
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Command {
    /// Run a server.
    Run(Box<Config>),
    /// Check a data directory that no server has open.
    Check(Box<Config>),
    /// Print this and exit with success.
    Print(String),
}

/// Reads the command line (without the program's name). `env` looks environment variables up.
pub fn parse(args: impl IntoIterator<Item = String>, env: impl Fn(&str) -> Option<String>) -> Result<Command> {
    let mut raw = Raw::default();
    let mut args = args.into_iter().peekable();
    let check = args.next_if(|a| a == "check").is_some();
    while let Some(arg) = args.next() {
        let mut value =
            |flag: &str| args.next().ok_or_else(|| usage(format!("option requires an argument -- \"{flag}\"")));
        let (flag, inline) = match arg.split_once('=') {
            Some((flag, v)) if flag.starts_with("--") => (flag.to_owned(), Some(v.to_owned())),
            _ if is_short_with_value(&arg) => {
                let (flag, v) = arg.split_at(2);
                (flag.to_owned(), Some(v.to_owned()))
            }
            _ => (arg.clone(), None),
        };
        let mut given = |flag: &str| inline.clone().map_or_else(|| value(flag), Ok);
        match flag.as_str() {
            "-?" | "--help" => return Ok(Command::Print(HELP.to_owned())),
            "-V" | "--version" => {
                return Ok(Command::Print(format!("rustydb (RustyDB) {}\n", env!("CARGO_PKG_VERSION"))));
            }
            "-D" => raw.data_dir = Some(given("D")?),
            "-p" | "--port" => raw.set("port", given("p")?),
            "-h" | "--host" => raw.set("listen_addresses", given("h")?),
            "-k" => raw.set("unix_socket_directories", given("k")?),
            "-N" => raw.set("max_connections", given("N")?),
            "-l" => raw.set("ssl", "on".to_owned()),
            "--superuser-password-file" => raw.password_file = Some(given("superuser-password-file")?),
            "--auth-local" => raw.auth_local = Some(method(&given("auth-local")?)?),
            "--auth-host" => raw.auth_host = Some(method(&given("auth-host")?)?),
            "-c" => {
                let text = given("c")?;
                let (name, v) = text.split_once('=').ok_or_else(|| usage(format!("-c {text} requires a value")))?;
                raw.set(name, v.to_owned());
            }
            _ if flag.starts_with("--") && flag.len() > 2 => match inline {
                Some(v) => raw.set(flag.trim_start_matches('-'), v),
                None => return Err(usage(format!("{flag} requires a value"))),
            },
            _ if flag.starts_with('-') => return Err(usage(format!("invalid option -- \"{flag}\""))),
            _ => return Err(usage(format!("invalid argument: \"{flag}\""))),
        }
    }
    raw.resolve(env).map(Box::new).map(if check { Command::Check } else { Command::Run })
}

/// `-p5433` and the like: a short option with its value attached.
fn is_short_with_value(arg: &str) -> bool {
    let mut chars = arg.chars();
    chars.next() == Some('-')
        && chars.next().is_some_and(|c| "DphkNc".contains(c))
        && chars.next().is_some()
        && arg.is_char_boundary(2)
}

#[derive(Default)]
struct Raw {
    data_dir: Option<String>,
    settings: Vec<(String, String)>,
    password_file: Option<String>,
    auth_local: Option<Method>,
    auth_host: Option<Method>,
}

impl Raw {
    fn set(&mut self, name: &str, value: String) {
        let name = name.trim().replace('-', "_").to_ascii_lowercase();
        self.settings.push((name, value));
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.settings.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    fn resolve(mut self, env: impl Fn(&str) -> Option<String>) -> Result<Config> {
        let data_dir = self.data_dir.take().or_else(|| env("PGDATA")).filter(|d| !d.is_empty()).ok_or_else(|| {
            usage("does not know where to find the database directory".to_owned())
                .hint("Give it with -D or in the environment variable PGDATA.")
        })?;
        let data_dir = std::path::absolute(&data_dir)
            .map_err(|e| usage(format!("could not make \"{data_dir}\" an absolute path: {e}")))?;
        if self.get("port").is_none()
            && let Some(port) = env("PGPORT").filter(|p| !p.is_empty())
        {
            self.set("port", port);
        }
        let port = match self.get("port") {
            Some(text) => number("port", text, 1, 65535)? as u16,
            None => DEFAULT_PORT,
        };
        let defaults = Limits::default();
        let max_connections = self.number("max_connections", defaults.max_connections as u64, 1, 262_143)? as usize;
        let superuser_reserved =
            self.number("superuser_reserved_connections", defaults.superuser_reserved as u64, 0, 262_143)? as usize;
        if superuser_reserved >= max_connections {
            return Err(invalid(format!(
                "superuser_reserved_connections ({superuser_reserved}) must be less than max_connections ({max_connections})"
            )));
        }
        let authentication_timeout = match self.get("authentication_timeout") {
            Some(text) => seconds("authentication_timeout", text, 1, 600)?,
            None => defaults.authentication_timeout,
        };
        let ssl = self.get("ssl").map_or(Ok(false), |t| boolean("ssl", t))?;
        let in_data_dir = |name: &str, default: &str| {
            let p = Path::new(self.get(name).filter(|p| !p.is_empty()).unwrap_or(default)).to_owned();
            data_dir.join(p)
        };
        let tls = ssl.then(|| (in_data_dir("ssl_cert_file", "server.crt"), in_data_dir("ssl_key_file", "server.key")));
        let socket_mode = match self.get("unix_socket_permissions") {
            Some(text) => u32::from_str_radix(text.trim_start_matches("0o"), 8)
                .ok()
                .filter(|m| *m <= 0o777)
                .ok_or_else(|| invalid_value("unix_socket_permissions", text))?,
            None => 0o777,
        };
        let list = |text: &str| -> Vec<String> {
            text.split(',').map(|p| p.trim().to_owned()).filter(|p| !p.is_empty()).collect()
        };
        let superuser_password = self.password_file.as_deref().map(|f| password(Path::new(f))).transpose()?;
        Ok(Config {
            port,
            hosts: self.get("listen_addresses").map_or_else(|| vec!["127.0.0.1".to_owned()], list),
            socket_dirs: self.get("unix_socket_directories").map(|t| list(t).into_iter().map(PathBuf::from).collect()),
            socket_mode,
            tls,
            limits: Limits { max_connections, superuser_reserved, authentication_timeout, ..defaults },
            superuser_password,
            auth_local: self.auth_local.unwrap_or(Method::Trust),
            auth_host: self.auth_host.unwrap_or(Method::Trust),
            settings: self.settings,
            data_dir,
        })
    }

    fn number(&self, name: &str, default: u64, min: u64, max: u64) -> Result<u64> {
        self.get(name).map_or(Ok(default), |text| number(name, text, min, max))
    }
}

/// The first line of the file.
fn password(file: &Path) -> Result<Zeroizing<String>> {
    let shown = file.display();
    let text = Zeroizing::new(
        std::fs::read_to_string(file)
            .map_err(|e| invalid(format!("could not read superuser password file \"{shown}\": {e}")))?,
    );
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(Zeroizing::new(line.to_owned())),
        _ => Err(invalid(format!("superuser password file \"{shown}\" is empty"))),
    }
}

fn method(text: &str) -> Result<Method> {
    text.parse().map_err(usage)
}

fn number(name: &str, text: &str, min: u64, max: u64) -> Result<u64> {
    let n: u64 = text.trim().parse().map_err(|_| invalid_value(name, text))?;
    if (min..=max).contains(&n) {
        return Ok(n);
    }
    Err(invalid(format!("{n} is outside the valid range for parameter \"{name}\" ({min} .. {max})")))
}

/// A time whose unit is seconds unless it says otherwise.
fn seconds(name: &str, text: &str, min: u64, max: u64) -> Result<Duration> {
    let t = text.trim();
    let (digits, unit) = t.split_at(t.find(|c: char| !c.is_ascii_digit()).unwrap_or(t.len()));
    let n: u64 = digits.parse().map_err(|_| invalid_value(name, text))?;
    let scale = match unit.trim() {
        "" | "s" => 1000,
        "ms" => 1,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => {
            return Err(invalid_value(name, text)
                .hint("Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\"."));
        }
    };
    let whole = n.saturating_mul(scale) / 1000;
    if (min..=max).contains(&whole) {
        return Ok(Duration::from_secs(whole));
    }
    Err(invalid(format!("{whole} s is outside the valid range for parameter \"{name}\" ({min} s .. {max} s)")))
}

/// As PostgreSQL: any unambiguous beginning of true, false, yes, no; on, off; 1, 0.
fn boolean(name: &str, text: &str) -> Result<bool> {
    let t = text.trim().to_ascii_lowercase();
    let begins = |word: &str, least: usize| t.len() >= least && word.starts_with(&t);
    if begins("true", 1) || begins("yes", 1) || t == "on" || t == "1" {
        Ok(true)
    } else if begins("false", 1) || begins("no", 1) || begins("off", 2) || t == "0" {
        Ok(false)
    } else {
        Err(invalid(format!("parameter \"{name}\" requires a Boolean value")))
    }
}

fn usage(message: String) -> DbError {
    DbError::fatal(SqlState::SYNTAX_ERROR, message).hint("Try \"rustydb --help\" for more information.")
}

fn invalid(message: String) -> DbError {
    DbError::fatal(SqlState::INVALID_PARAMETER_VALUE, message)
}

fn invalid_value(name: &str, text: &str) -> DbError {
    invalid(format!("invalid value for parameter \"{name}\": \"{text}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(args: &[&str]) -> Result<Config> {
        run_env(args, |_| None)
    }

    fn run_env(args: &[&str], env: impl Fn(&str) -> Option<String>) -> Result<Config> {
        match parse(args.iter().map(|a| (*a).to_owned()), env)? {
            Command::Run(c) => Ok(*c),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn defaults_and_environment() {
        let c = run(&["-D", "/d"]).unwrap();
        assert_eq!((c.port, c.hosts.as_slice()), (5432, &["127.0.0.1".to_owned()][..]));
        assert_eq!((c.auth_host, c.auth_local, c.socket_mode), (Method::Trust, Method::Trust, 0o777));
        assert_eq!(c.limits.max_connections, 5000);
        let env = |n: &str| match n {
            "PGDATA" => Some("/e".to_owned()),
            "PGPORT" => Some("6000".to_owned()),
            _ => None,
        };
        let c = run_env(&[], env).unwrap();
        assert_eq!((c.port, c.data_dir.as_path()), (6000, Path::new("/e")));
        assert_eq!(run_env(&["-p", "6001"], env).unwrap().port, 6001);
        assert!(run(&[]).is_err());
    }

    #[test]
    fn check_is_a_command_of_its_own() {
        let args = ["check", "-D", "/d", "-c", "encryption_key_env=K"].map(str::to_owned);
        let Command::Check(c) = parse(args, |_| None).unwrap() else { panic!("not a check") };
        assert_eq!((c.data_dir.as_path(), c.settings.len()), (Path::new("/d"), 1));
        assert!(run(&["-D", "/d", "check"]).is_err());
    }

    #[test]
    fn every_way_to_give_a_setting() {
        let c =
            run(&["-D/d", "-p5433", "-c", "work_mem=64MB", "--max-connections=9", "--host=a, b", "-k", "/s,/t", "-l"])
                .unwrap();
        assert_eq!((c.port, c.hosts.len(), c.limits.max_connections), (5433, 2, 9));
        assert_eq!(c.socket_dirs.unwrap(), [PathBuf::from("/s"), PathBuf::from("/t")]);
        assert_eq!(c.tls.unwrap().0, Path::new("/d/server.crt"));
        assert!(c.settings.contains(&("work_mem".into(), "64MB".into())));
        let c = run(&["-D", "/d", "-c", "listen_addresses=", "-c", "authentication_timeout=1min"]).unwrap();
        assert!(c.hosts.is_empty());
        assert_eq!(c.limits.authentication_timeout, Duration::from_secs(60));
    }

    #[test]
    fn refusals() {
        for bad in [
            &["-p", "0"][..],
            &["-p", "70000"],
            &["-p"],
            &["-c", "ssl=maybe"],
            &["-c", "ssl"],
            &["--ssl"],
            &["-x"],
            &["x"],
            &["-N", "3"],
            &["--auth-host", "md5"],
            &["-c", "authentication_timeout=0"],
            &["-c", "unix_socket_permissions=9"],
            &["--superuser-password-file", "/nonexistent"],
        ] {
            let args: Vec<&str> = ["-D", "/d"].iter().chain(bad).copied().collect();
            assert!(run(&args).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn booleans() {
        for (t, v) in [("on", true), ("t", true), ("ye", true), ("of", false), ("N", false), ("0", false)] {
            assert_eq!(boolean("x", t).unwrap(), v, "{t}");
        }
        assert!(boolean("x", "o").is_err());
        assert!(boolean("x", "").is_err());
    }
}
