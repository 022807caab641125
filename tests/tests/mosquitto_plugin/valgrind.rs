//! The library under valgrind: nothing that it does is an error of memory, and nothing that it takes is lost.

use std::fs;

use integration_tests::peer::Peer;
use load::client::{Client, ConnectOptions, Lost};
use load::packet::{Packet, QoS};

use crate::large_site::LargeSite;

/// What valgrind calls the library in its frames.
const LIBRARY: &str = "libcountersign_mosquitto.so</obj>";

/// Something that valgrind says, as XML.
struct Finding<'a>(&'a str);

impl<'a> Finding<'a> {
    /// All in `report`, which valgrind has finished.
    fn all(report: &'a str) -> Vec<Self> {
        assert!(report.trim_end().ends_with("</valgrindoutput>"), "valgrind came to its end:\n{report}");
        report
            .split("<error>")
            .skip(1)
            .map(|rest| Self(rest.split("</error>").next().unwrap_or(rest)))
            .collect()
    }

    fn is_of_library(&self) -> bool {
        self.0.contains(LIBRARY)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_comes_is_refused_and_is_revoked_makes_no_error_of_memory() {
    let (Some(mosquitto), Some(valgrind)) = (Peer::mosquitto(), Peer::valgrind()) else { return };
    let report = tempfile::NamedTempFile::new().expect("a file can be made");
    let xml = format!("--xml-file={}", report.path().display());
    // mosquitto unloads the library before valgrind looks for what is lost, which would have no names then.
    let options =
        ["--leak-check=full", "--show-leak-kinds=definite", "--keep-debuginfo=yes", "--xml=yes", &xml];
    let mut site = LargeSite::start(&mosquitto.run_by(valgrind, options));
    let (stays, stolen) = (site.site.device(0), site.site.device(1));
    let address = site.mosquitto.address();

    let mut staying = site.connect(&stays).await;
    staying.subscribe("telemetry/#", QoS::AtMostOnce).await.expect("it may subscribe");
    let mut cut = site.connect(&stolen).await;
    cut.publish("telemetry/a", b"1").await.expect("it may publish");
    assert!(matches!(staying.answer().await, Ok(Packet::Publish { .. })));
    let refused = Client::connect_as("device-000000", address, &stolen, ConnectOptions::default()).await;
    assert!(matches!(refused, Err(Lost::Refused(0x87))), "{:?}", refused.map(drop));
    site.site.revoke(&[&stolen]).expect("a list can be written");
    let heard = cut.answer().await;
    assert!(matches!(heard, Ok(Packet::Disconnect(0x98))), "{heard:?}");
    site.mosquitto.reload();
    site.wait_for("the rules were read again");
    staying.publish("other/a", b"1").await.expect("it is still there");
    staying.leave().await.expect("it is still there");
    assert!(site.mosquitto.end().success());

    let report = fs::read_to_string(report.path()).expect("valgrind writes a report");
    let (ours, others): (Vec<_>, Vec<_>) =
        Finding::all(&report).into_iter().partition(Finding::is_of_library);
    println!("{} findings, none of them below the library", others.len());
    let ours: Vec<&str> = ours.iter().map(|finding| finding.0).collect();
    assert!(ours.is_empty(), "{}", ours.join("\n"));
}
