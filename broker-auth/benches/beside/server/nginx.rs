//! What nginx is told.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::process::Command;

use load::installed::installed;
use load::machine::processors;
use load::site::Site;

use super::demands::Demands;

/// What the origin is told, under the names and in the order of the style `azion`; and nginx has no other form of the subject.
const FIELDS: [(&str, &str); 14] = [
    ("X-SSL-Client-Fingerprint", "$ssl_client_fingerprint"),
    ("X-SSL-Client-Escaped-Cert", "$ssl_client_escaped_cert"),
    ("X-SSL-Client-Cert", "$ssl_client_escaped_cert"),
    ("X-SSL-Client-S-DN", "$ssl_client_s_dn"),
    ("X-SSL-Client-S-DN-Parsed", "$ssl_client_s_dn"),
    ("X-SSL-Client-I-DN", "$ssl_client_i_dn"),
    ("X-SSL-Client-Serial", "$ssl_client_serial"),
    ("X-SSL-Client-V-Start", "$ssl_client_v_start"),
    ("X-SSL-Client-V-End", "$ssl_client_v_end"),
    ("X-SSL-Client-V-Remain", "$ssl_client_v_remain"),
    ("X-SSL-Client-Verify", "$ssl_client_verify"),
    ("X-Forwarded-For", "$remote_addr"),
    ("X-Forwarded-Host", "$host"),
    ("X-Forwarded-Proto", "https"),
];

/// The command that starts it: a worker for each processor, and no session that is resumed. As countersign-broker does, it
/// formats a line of log for each request, and asks the origin over a connection of its own for each.
pub(super) fn command(site: &Site, address: SocketAddr, demands: &Demands) -> io::Result<Command> {
    let origin = demands.origin.ok_or_else(|| io::Error::other("nginx stands in front of an origin"))?;
    let path = |name: &str| site.file(name).display().to_string();
    let fields: String =
        FIELDS.iter().map(|(name, value)| format!("      proxy_set_header {name} {value};\n")).collect();
    let config = format!(
        "daemon off;\nuser root;\nworker_processes {workers};\nworker_rlimit_nofile 65536;\npid {pid};\n\
         error_log /dev/null crit;\nevents {{ worker_connections 16384; }}\nhttp {{\n\
         access_log /dev/null combined;\nkeepalive_requests 1000000000;\nkeepalive_timeout 600s;\n\
         client_body_temp_path {temp};\nproxy_temp_path {temp};\nfastcgi_temp_path {temp};\n\
         uwsgi_temp_path {temp};\nscgi_temp_path {temp};\n\
         server {{\n  listen {address} ssl backlog=4096;\n  ssl_certificate {certificate};\n\
         ssl_certificate_key {key};\n  ssl_client_certificate {cas};\n  ssl_crl {crl};\n\
         ssl_verify_client on;\n  ssl_verify_depth 1;\n  ssl_protocols TLSv1.3;\n  ssl_session_cache off;\n\
         ssl_session_tickets off;\n  location / {{\n      proxy_pass http://{origin};\n{fields}  }}\n}} }}\n",
        workers = processors(),
        pid = path("nginx.pid"),
        temp = path("nginx-temp"),
        certificate = path("server.pem"),
        key = path("server.key"),
        cas = path("client-cas.pem"),
        crl = path("clients.crl"),
    );
    let file = site.file("nginx.conf");
    fs::write(&file, config)?;
    let mut command = Command::new(installed("nginx")?);
    command.arg("-e").arg("/dev/null").arg("-c").arg(file);
    Ok(command)
}
