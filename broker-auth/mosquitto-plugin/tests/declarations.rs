//! Our declarations against the headers of an installed mosquitto: a C compiler is asked whether each is right.

use std::io::Write;
use std::mem::offset_of;
use std::process::{Command, Stdio};

use mosquitto_plugin::api;

/// Sizes and offsets of a struct, as Rust has them, asserted of the one of the same name in C.
macro_rules! layout {
    ($name:ident { $($field:ident),+ }) => {{
        let mut lines = format!(
            "_Static_assert(sizeof(struct {0}) == {1}, \"{0}\");\n_Static_assert(_Alignof(struct {0}) == {2}, \"{0}\");\n",
            stringify!($name), size_of::<api::$name>(), align_of::<api::$name>(),
        );
        $(
            lines += &format!(
                "_Static_assert(offsetof(struct {0}, {1}) == {2}, \"{0}.{1}\");\n_Static_assert(sizeof(((struct {0} *)0)->{1}) == {3}, \"{0}.{1}\");\n",
                stringify!($name),
                stringify!($field),
                offset_of!(api::$name, $field),
                size_of_field(|of: &api::$name| &of.$field),
            );
        )+
        lines
    }};
}

/// Constants, as Rust has them.
macro_rules! constants {
    ($($name:ident),+) => {
        [$(format!("_Static_assert({0} == {1}, \"{0}\");\n", stringify!($name), api::$name)),+].concat()
    };
}

fn size_of_field<T, F>(_: fn(&T) -> &F) -> usize {
    size_of::<F>()
}

/// The functions once more: a declaration that differs from the header's is an error in C.
const FUNCTIONS: &str = "
int mosquitto_plugin_version(int, const int *);
int mosquitto_plugin_init(mosquitto_plugin_id_t *, void **, struct mosquitto_opt *, int);
int mosquitto_plugin_cleanup(void *, struct mosquitto_opt *, int);
typedef int (*callback)(int, void *, void *);
int mosquitto_callback_register(mosquitto_plugin_id_t *, int, callback, const void *, void *);
int mosquitto_callback_unregister(mosquitto_plugin_id_t *, int, callback, const void *);
void mosquitto_log_printf(int, const char *, ...);
const char *mosquitto_client_address(const struct mosquitto *);
_Bool mosquitto_client_clean_session(const struct mosquitto *);
const char *mosquitto_client_id(const struct mosquitto *);
void *mosquitto_client_certificate(const struct mosquitto *);
int mosquitto_client_protocol_version(const struct mosquitto *);
int mosquitto_set_username(struct mosquitto *, const char *);
int mosquitto_kick_client_by_clientid(const char *, _Bool);
int mosquitto_broker_publish_copy(const char *, const char *, int, const void *, int, _Bool, mosquitto_property *);
#if __has_include(<openssl/x509.h>)
#include <openssl/x509.h>
int i2d_X509(const X509 *, unsigned char **);
void X509_free(X509 *);
#endif
";

const INCLUDES: &str = "#include <stddef.h>\n#include <mosquitto.h>\n#include <mosquitto_broker.h>\n#include <mosquitto_plugin.h>\n";

fn assertions() -> String {
    [
        constants!(
            MOSQ_PLUGIN_VERSION,
            MOSQ_ERR_SUCCESS,
            MOSQ_ERR_INVAL,
            MOSQ_ERR_NOT_SUPPORTED,
            MOSQ_ERR_AUTH,
            MOSQ_ERR_ACL_DENIED,
            MOSQ_ERR_UNKNOWN,
            MOSQ_EVT_RELOAD,
            MOSQ_EVT_ACL_CHECK,
            MOSQ_EVT_BASIC_AUTH,
            MOSQ_EVT_TICK,
            MOSQ_EVT_DISCONNECT,
            MOSQ_ACL_READ,
            MOSQ_ACL_WRITE,
            MOSQ_ACL_SUBSCRIBE,
            MOSQ_ACL_UNSUBSCRIBE,
            MOSQ_LOG_INFO,
            MOSQ_LOG_NOTICE,
            MOSQ_LOG_WARNING,
            MOSQ_LOG_ERR
        ),
        layout!(mosquitto_opt { key, value }),
        layout!(mosquitto_evt_acl_check {
            future,
            client,
            topic,
            payload,
            properties,
            access,
            payloadlen,
            qos,
            retain,
            future2
        }),
        layout!(mosquitto_evt_basic_auth { future, client, username, password, future2 }),
        layout!(mosquitto_evt_disconnect { future, client, reason, future2 }),
    ]
    .concat()
}

/// What the compiler says of a file of C: nothing, or its errors.
fn compiled(text: &str) -> Result<(), String> {
    let mut compiler = Command::new("cc")
        .args(["-std=c11", "-Werror", "-fsyntax-only", "-x", "c", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("there is a C compiler: ring needs one");
    compiler.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it reads");
    let output = compiler.wait_with_output().expect("it ends");
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn is_installed() -> bool {
    if compiled(INCLUDES).is_ok() {
        return true;
    }
    let is_ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(
        !is_ci,
        "the headers of mosquitto are missing: tests/run installs mosquitto-dev and libmosquitto-dev"
    );
    println!(
        "skipped: the headers of mosquitto are missing, tests/run installs mosquitto-dev and libmosquitto-dev"
    );
    false
}

#[test]
fn our_declarations_are_those_of_the_headers() {
    if !is_installed() {
        return;
    }
    let text = [INCLUDES, &assertions(), FUNCTIONS].concat();
    compiled(&text).unwrap_or_else(|errors| panic!("{errors}"));
}

/// Each assertion by itself, with another number: the compiler sees the difference.
#[test]
fn a_declaration_that_is_wrong_is_found() {
    if !is_installed() {
        return;
    }
    let assertions = assertions();
    assert_eq!(assertions.lines().count(), 20 + 4 * 2 + 2 * (2 + 10 + 5 + 4));
    let numbers = |line: &str| {
        let (before, after) = line.split_once("== ").expect("a comparison");
        let (number, after) = after.split_once(',').expect("a message");
        let number: i64 = number.parse().expect("a number");
        format!("{before}== {},{after}\n", number + 1)
    };
    let wrong: String = assertions.lines().map(numbers).collect();
    let errors = compiled(&[INCLUDES, &wrong].concat()).expect_err("every number is wrong");
    assert_eq!(errors.matches("static assertion failed").count(), assertions.lines().count(), "{errors}");
    for wrong in [
        "void mosquitto_client_id(const struct mosquitto *);",
        "int mosquitto_set_username(const struct mosquitto *, const char *);",
    ] {
        compiled(&[INCLUDES, wrong].concat()).expect_err(wrong);
    }
}
