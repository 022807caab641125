//! What mosquitto is told.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use load::installed::installed;
use load::site::Site;

use super::SERVICES;
use super::demands::Demands;

/// The command that starts it.
pub(super) fn command(site: &Site, address: SocketAddr, demands: &Demands) -> io::Result<Command> {
    let path = |name: &str| site.file(name).display().to_string();
    let mut acl: String = (0..demands.policies_before)
        .map(|number| format!("pattern write others/{number:04}/%u/#\n"))
        .collect();
    acl += "pattern write devices/%u/telemetry/#\npattern read devices/%u/commands/#\n";
    for number in 0..SERVICES {
        acl += &format!(
            "user service-{number:02}\ntopic read devices/+/telemetry/#\ntopic write devices/+/commands/#\n"
        );
    }
    write_private(&site.file("mosquitto.acl"), &acl)?;
    let config = format!(
        "listener {port} 127.0.0.1\ncafile {}\ncertfile {}\nkeyfile {}\ncrlfile {}\nrequire_certificate true\n\
         use_identity_as_username true\nallow_anonymous false\nacl_file {}\ntls_version tlsv1.3\n\
         set_tcp_nodelay true\nmax_inflight_messages 64\nmax_queued_messages 100000\npersistence false\n\
         log_dest none\nuser root\n",
        path("client-cas.pem"),
        path("server.pem"),
        path("server.key"),
        path("clients.crl"),
        path("mosquitto.acl"),
        port = address.port(),
    );
    let file = site.file("mosquitto.conf");
    fs::write(&file, config)?;
    let mut command = Command::new(installed("mosquitto")?);
    command.arg("-c").arg(file);
    Ok(command)
}

/// mosquitto warns of files that others can read.
fn write_private(file: &Path, content: &str) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(file, content)?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600))
}
