//! The codes of operating systems, protocols and services.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use retry_core::Class::{
    Client, Network, NotFound, Permanent, RateLimit, Serialization, Server, Timeout, Transient, Unknown,
    Validation,
};
use retry_core::{Class, Classify};

/// Looks each code up; 0 is the number of success in every table, and in none of them an error.
fn check<T: Copy + Default + std::fmt::Debug>(of: impl Fn(T) -> Option<Class>, rows: &[(Class, &[T])]) {
    for (class, codes) in rows {
        for code in *codes {
            assert_eq!(of(*code), Some(*class), "{code:?}");
        }
    }
    assert_eq!(of(T::default()), None);
}

#[test]
fn the_class_of_an_error_number_of_each_system() {
    // Connections first: refused, reset, aborted, not connected, shut down, host down, host unreachable,
    // network down, unreachable and reset.
    check(
        Class::of_linux_error,
        &[
            (Network, &[111, 104, 103, 107, 108, 112, 113, 100, 101, 102, 32, 99]),
            (Timeout, &[110]),
            (Transient, &[4, 11, 12, 16, 23, 24, 63, 98, 105, 116, 125, 130]),
            (NotFound, &[2]),
            (Client, &[1, 13, 17, 20, 21, 39]),
            (Validation, &[22, 36, 90]),
            (Permanent, &[28, 30, 38, 40, 95, 122]),
            (Unknown, &[5]),
        ],
    );
    check(
        Class::of_macos_error,
        &[
            (Network, &[61, 54, 53, 57, 58, 64, 65, 50, 51, 52, 32, 49]),
            (Timeout, &[60]),
            (Transient, &[4, 35, 12, 16, 23, 24, 48, 55, 70, 89, 98, 105, 106]),
            (NotFound, &[2]),
            (Client, &[1, 13, 17, 20, 21, 66]),
            (Validation, &[22, 63, 40]),
            (Permanent, &[28, 30, 78, 62, 45, 69]),
            (Unknown, &[5]),
        ],
    );
    check(
        Class::of_windows_error,
        &[
            (
                Network,
                &[10061, 10054, 10053, 10057, 10058, 10064, 10065, 10050, 10051, 10052, 10049, 53, 64, 109],
            ),
            (Network, &[11001, 11002, 11003, 11004]),
            (
                Network,
                &[51, 55, 67, 230, 1225, 1235, 1236, 1722, 1726, 2250, 12007, 12029, 12030, 12031, 12152],
            ),
            (Timeout, &[10060, 121, 258, 594, 995, 1053, 1121, 1460, 5910, 12002]),
            (Transient, &[10004, 10024, 10035, 10036, 10037, 10048, 10055, 10067, 10103, 32, 33]),
            (Transient, &[54, 71, 231, 1130, 1237, 1238, 1723, 1816]),
            (NotFound, &[2, 3]),
            (Client, &[5, 52, 80, 183, 10013]),
            (Validation, &[87, 123, 206, 10022, 10040]),
            (Permanent, &[50, 112, 10045, 10069, 10092, 10093, 12175]),
        ],
    );
    for unlisted in [-1, 53, i32::MIN, i32::MAX] {
        assert_eq!(Class::of_linux_error(unlisted), None, "{unlisted}");
    }
}

/// The kinds without a stable name, by their numbers.
#[test]
#[cfg(target_os = "linux")]
fn an_io_error_of_a_kind_without_a_name_is_known_by_its_number() {
    let rows: &[(i32, Class)] = &[
        (24, Transient),  // EMFILE
        (23, Transient),  // ENFILE
        (105, Transient), // ENOBUFS
        (112, Network),   // EHOSTDOWN
        (102, Network),   // ENETRESET
        (108, Network),   // ESHUTDOWN
        (40, Permanent),  // ELOOP
        (5, Unknown),     // EIO
        (12345, Unknown),
    ];
    for &(number, class) in rows {
        let error = io::Error::from_raw_os_error(number);
        assert_eq!(error.classify(), class.into(), "{error:?}");
        let inner = io::Error::other(io::Error::from_raw_os_error(number));
        assert_eq!(inner.classify(), class.into(), "{inner:?}");
    }
}

#[test]
fn std_and_the_table_give_an_error_number_the_same_class() {
    let mut known_by_both = 0;
    for number in 1..200 {
        let error = io::Error::from_raw_os_error(number);
        if let Some(class) = Class::of_os_error(number) {
            assert_eq!(error.classify(), class.into(), "{error:?}");
            known_by_both += 1;
        }
    }
    assert!(known_by_both > 60, "{known_by_both}");
}

#[test]
fn a_name_that_does_not_resolve_is_a_failure_of_the_network() {
    use std::net::TcpStream;
    let error = TcpStream::connect("no-such-host.invalid:80").unwrap_err();
    assert_eq!(error.classify(), Network.into(), "{error:?}");
    let error = io::Error::other(error);
    assert_eq!(error.classify(), Network.into(), "{error:?}");
}

/// An error whose text is long, and that counts the pieces of it which are asked for.
#[derive(Debug)]
struct Long(Arc<AtomicUsize>, &'static str);

impl std::error::Error for Long {}

impl fmt::Display for Long {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for _ in 0..1_000_000 {
            self.0.fetch_add(1, Ordering::Relaxed);
            f.write_str(self.1)?;
        }
        Ok(())
    }
}

#[test]
fn a_long_text_of_an_io_error_is_read_no_further_than_it_takes() {
    let rows = [
        ("a", 1, Unknown),
        ("failed to look", 2, Unknown), // and then "failed to look" once more, instead of "up"
        ("failed to lookup address information: no such host", 1, Network),
    ];
    for (piece, pieces, class) in rows {
        let asked = Arc::new(AtomicUsize::new(0));
        let error = io::Error::other(Long(Arc::clone(&asked), piece));
        assert_eq!(error.classify(), class.into(), "{piece}");
        assert_eq!(asked.load(Ordering::Relaxed), pieces, "{piece}");
    }
}

#[test]
fn the_class_of_an_error_of_the_resolver() {
    check(
        Class::of_resolver_error,
        &[
            (Network, &[-2, -3, -4, -5, -9, -11]),
            (Transient, &[-10, -101, -104]),
            (Validation, &[-1, -8, -12, -105]),
            (Permanent, &[-6, -7]),
            (Network, &[1, 2, 4, 7, 8, 11]),
            (Transient, &[6]),
            (Validation, &[3, 9, 12, 14]),
            (Permanent, &[5, 10, 13]),
            (Network, &[11001, 11002, 11003, 11004]),
        ],
    );
    for unlisted in [-13, 15, i32::MIN, i32::MAX] {
        assert_eq!(Class::of_resolver_error(unlisted), None, "{unlisted}");
    }
}

#[test]
fn the_class_of_a_grpc_status() {
    check(
        Class::of_grpc_code,
        &[
            (Network, &[1]),
            (Unknown, &[2, 17, -1, i32::MIN, i32::MAX]),
            (Validation, &[3, 11]),
            (Timeout, &[4]),
            (NotFound, &[5]),
            (Client, &[6, 7, 9, 16]),
            (RateLimit, &[8]),
            (Transient, &[10]),
            (Permanent, &[12, 15]),
            (Server, &[13, 14]),
        ],
    );
}

#[test]
fn the_class_of_a_sqlstate() {
    check(
        Class::of_sqlstate,
        &[
            (Transient, &["40001", "40P01", "40000", "53300", "53200", "57P03", "25006", "55P03", "55006"]),
            (Transient, &["HY001", "HY014", "72000", "70100", "XA102", "57011", "57030", "57033"]),
            (Transient, &["57009", "57046", "57050", "57053", "57068"]),
            (Network, &["08000", "08006", "08S01", "57P01", "57P02", "57P05", "25P03", "HV00N"]),
            (Timeout, &["57014", "25P04", "HYT00", "HYT01", "S1T00", "XA106"]),
            (Server, &["58030", "XX000"]),
            (
                Client,
                &["28P01", "28000", "42501", "23505", "23503", "23000", "42P07", "42S01", "55000", "03000"],
            ),
            (Client, &["40002", "25P02", "26000", "34000"]),
            (
                Validation,
                &["P0003", "44000", "22P02", "22001", "42601", "42703", "42S22", "23502", "23514", "54000"],
            ),
            (NotFound, &["42P01", "42S02", "3D000", "3F000", "02000", "57P04", "P0002"]),
            (Permanent, &["0A000", "53100", "53400", "XX001", "HYC00", "IM002"]),
            (Unknown, &["40003", "HY000", "S1000", "P0001"]),
        ],
    );
    for none in ["", "00000", "01000", "4000", "400011", "ZZ000", "\u{e9}\u{e9}1", "1\u{20ac}1"] {
        assert_eq!(Class::of_sqlstate(none), None, "{none}");
    }
}

#[test]
fn the_class_of_a_mysql_error() {
    check(
        Class::of_mysql_error,
        &[
            (Transient, &[1213, 1205, 1040, 1203, 1053, 1290, 1792, 1836, 3572, 9007]),
            (Transient, &[1047, 1135, 1297, 1317, 1689, 3032, 3058, 3100, 3101, 3168, 8005, 9006, 9013]),
            (Transient, &[8002, 8020, 8022, 8027, 8028, 8229, 9003, 9008, 9010, 9011]),
            (Network, &[2001, 2002, 2003, 2005, 2006, 2013, 2027, 2055, 1158, 1160, 1927, 3169, 4031]),
            (Timeout, &[3024, 1969, 1159, 1613, 9012]),
            (RateLimit, &[1226, 8252]),
            (Client, &[1044, 1045, 1062, 1142, 1451, 1452]),
            (NotFound, &[1146, 1049, 1051]),
            (Validation, &[1054, 1064, 1048, 1406, 1153]),
            (Permanent, &[1021, 1114, 1235, 2007, 2014, 2026, 2059]),
            (Unknown, &[1105, 1030]),
        ],
    );
    assert_eq!(Class::of_mysql_error(u16::MAX), None);
}

#[test]
fn the_class_of_a_sqlite_code() {
    check(
        Class::of_sqlite_code,
        &[
            (Transient, &[5, 6, 261, 517, 773, 262, 516, 7, 9, 15, 17, 513, 3082, 3850]),
            (Client, &[19, 2067, 1555, 787, 23, 3]),
            (Validation, &[275, 1299, 18, 20]),
            (Permanent, &[8, 264, 1032, 13, 14, 11, 26]),
            (Unknown, &[1, 10, 266]),
        ],
    );
    for none in [100, 101, 27, 28, -5, i32::MIN, i32::MAX] {
        assert_eq!(Class::of_sqlite_code(none), None, "{none}");
    }
}

#[test]
fn the_class_of_a_redis_error() {
    check(
        Class::of_redis_error,
        &[
            (Transient, &["LOADING", "-READONLY You can't write", "MOVED 3999 127.0.0.1:6381", "ASK 1 h:1"]),
            (
                Transient,
                &["TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "BUSY Redis is", "NOREPLICAS", "OOM command"],
            ),
            (Transient, &["ERR max number of clients reached", "ERR Background save already in progress"]),
            (
                Transient,
                &[
                    "UNKILLABLE Sorry the script",
                    "NOGOODSLAVE No suitable",
                    "NOQUORUM 1 usable",
                    "REDIRECT h:1",
                ],
            ),
            (Network, &["IOERR error or timeout reading from target", "ERR Connection refused"]),
            (Timeout, &["ERR Connection timed out"]),
            (
                Client,
                &[
                    "ERR invalid password",
                    "ERR operation not permitted",
                    "ERR Client sent AUTH, but no password is set",
                ],
            ),
            (
                Validation,
                &["ERR index out of range", "ERR Protocol error: too big", "ERR Unknown subcommand x"],
            ),
            (Server, &["MISCONF Redis is configured to save"]),
            (
                Client,
                &["NOAUTH Authentication required.", "WRONGPASS invalid", "NOPERM this user", "BUSYGROUP x"],
            ),
            (NotFound, &["NOSCRIPT No matching script.", "NOGROUP No such key", "ERR no such key"]),
            (
                Validation,
                &["WRONGTYPE", "EXECABORT", "CROSSSLOT Keys", "ERR syntax error", "ERR unknown command 'x'"],
            ),
            (Permanent, &["NOPROTO unsupported protocol version"]),
        ],
    );
    for none in ["ERR", "ERR something else", "loading", "LOADINGS", "a LOADING"] {
        assert_eq!(Class::of_redis_error(none), None, "{none}");
    }
}

#[test]
fn the_class_of_an_aws_code_and_that_it_decides_before_the_status() {
    check(
        Class::of_aws_code,
        &[
            (
                RateLimit,
                &["Throttling", "ThrottlingException", "ThrottledException", "EC2ThrottledException"],
            ),
            (
                RateLimit,
                &["RequestThrottled", "RequestThrottledException", "RequestLimitExceeded", "SlowDown"],
            ),
            (RateLimit, &["TooManyRequestsException", "ProvisionedThroughputExceededException"]),
            (RateLimit, &["LimitExceededException", "BandwidthLimitExceeded", "PriorRequestNotComplete"]),
            (RateLimit, &["SomeNewThrottlingFault", "SlowDownRead", "Client.RequestLimitExceeded"]),
            (Timeout, &["RequestTimeout", "RequestTimeoutException"]),
            (Transient, &["TransactionInProgressException", "OperationAborted", "ModelNotReadyException"]),
            (Transient, &["ResourceNotReadyException", "TemporaryRedirect"]),
            (Server, &["InternalError", "InternalServerError", "ServiceUnavailable", "Server.Unavailable"]),
            (Server, &["InsufficientInstanceCapacity"]),
            (Permanent, &["VcpuLimitExceeded", "PermanentRedirect", "NotImplemented"]),
            (NotFound, &["AWS.SimpleQueueService.NonExistentQueue"]),
            (
                Client,
                &["AccessDenied", "SignatureDoesNotMatch", "ExpiredToken", "ConditionalCheckFailedException"],
            ),
            (NotFound, &["NoSuchKey", "NoSuchBucket", "NoSuchHostedZone", "ResourceNotFoundException"]),
            (Validation, &["ValidationException", "EntityTooLarge", "MalformedXML"]),
            (Unknown, &["TransactionCanceledException"]),
            (RateLimit, &["com.amazonaws.dynamodb.v20120810#ThrottlingException"]),
            (NotFound, &["ResourceNotFoundException:http://internal.amazon.com/coral/com.amazon.example/"]),
        ],
    );
    let by_both = |status, code| Class::of_aws_code(code).or(Class::of_http_status(status));
    let rows = [
        (400, "RequestTimeout", Timeout),
        (400, "ThrottlingException", RateLimit),
        (403, "RequestLimitExceeded", RateLimit),
        (503, "SlowDown", RateLimit),
        (409, "OperationAborted", Transient),
        (400, "TransactionInProgressException", Transient),
        (503, "NewCode", Server),
        (400, "", Validation),
    ];
    for (status, code, class) in rows {
        assert_eq!(by_both(status, code), Some(class), "{status} {code}");
    }
}

#[test]
fn the_class_of_a_reason_of_mqtt() {
    check(
        Class::of_mqtt_reason,
        &[
            (Network, &[0x8B, 0x98]),
            (Timeout, &[0x8D]),
            (Server, &[0x88, 0x89]),
            (RateLimit, &[0x96, 0x97, 0x9F]),
            (Client, &[0x86, 0x87, 0x8A]),
            (Validation, &[0x81, 0x85, 0x95]),
            (Permanent, &[0x84, 0x9B]),
            (Unknown, &[0x80]),
        ],
    );
    for success in (0..0x80).chain(0xA3..=u8::MAX) {
        assert_eq!(Class::of_mqtt_reason(success), None, "{success:#x}");
    }
    check(
        Class::of_mqtt3_return_code,
        &[(Permanent, &[1]), (Validation, &[2]), (Server, &[3]), (Client, &[4, 5])],
    );
    assert_eq!(Class::of_mqtt3_return_code(6), None);
}

#[test]
fn the_class_of_a_kafka_code() {
    // `retriable` in Kafka's own table.
    const RETRIABLE: &[i16] = &[
        2, 5, 6, 7, 9, 13, 14, 15, 16, 19, 20, 41, 51, 56, 70, 71, 72, 74, 75, 78, 80, 83, 84, 88, 89, 103,
        106, 122, 123, 133,
    ];
    for code in RETRIABLE {
        let class = Class::of_kafka_code(*code).expect("listed");
        assert!(retry_core::Policy::DEFAULT.retries(class), "{code}: {class}");
    }
    check(
        Class::of_kafka_code,
        &[
            (Transient, &[5, 6, 14, 15, 16, 19, 27, 41, -142, -153, -184]),
            (Network, &[13, 8, -195, -193, -187, -137]),
            (Timeout, &[7, -192, -185]),
            (RateLimit, &[89]),
            (Server, &[-1]),
            (Client, &[29, 30, 31, 36, 47, 58, 90, 120, 129, 131, 132, -144, -169]),
            (NotFound, &[3, 100, -188, -190]),
            (Validation, &[1, 10, 17, 42, 130]),
            (Permanent, &[35, 76, -150, -197]),
            (Serialization, &[-159, -162, -199]),
        ],
    );
    for none in [-200, -2, 10_000, i16::MIN, i16::MAX] {
        assert_eq!(Class::of_kafka_code(none), None, "{none}");
    }
}

#[test]
fn the_class_of_a_mongodb_code_and_of_one_of_curl() {
    check(
        Class::of_mongodb_code,
        &[
            (Network, &[6, 7, 9001, 384]),
            (Timeout, &[50, 64, 89, 202, 262, 407]),
            (RateLimit, &[402, 433, 449, 462]),
            (Transient, &[24, 46, 91, 112, 133, 134, 150, 189, 216, 246, 251, 365]),
            (Transient, &[10058, 10107, 11600, 11601, 11602, 13388, 13435, 13436]),
            (Client, &[11000, 13, 18, 48, 68]),
            (NotFound, &[26, 27, 43]),
            (Validation, &[2, 9, 14, 66, 121, 10334]),
            (Permanent, &[20, 59, 115, 14031]),
            (Server, &[1]),
            (Unknown, &[8]),
        ],
    );
    // `RetriableError` in the server's own table.
    const RETRIABLE: &[i32] = &[
        6, 7, 89, 91, 134, 189, 262, 317, 358, 384, 402, 406, 407, 412, 453, 462, 9001, 10107, 11600, 11602,
        13435, 13436, 50915, 91331, 10_045_600,
    ];
    for code in RETRIABLE {
        let class = Class::of_mongodb_code(*code).expect("listed");
        assert!(retry_core::Policy::DEFAULT.retries(class), "{code}: {class}");
    }
    check(
        Class::of_curl_code,
        &[
            (Network, &[5, 6, 7, 18, 35, 52, 55, 56, 92]),
            (Timeout, &[28]),
            (Permanent, &[1, 47, 60, 77]),
            (Validation, &[3]),
            (NotFound, &[78]),
        ],
    );
    assert_eq!(Class::of_curl_code(22), None);
}

#[test]
fn the_class_of_a_kind_of_embedded_io() {
    // The names of the kinds are those of std.
    let kinds = [
        io::ErrorKind::ConnectionRefused,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::NotConnected,
        io::ErrorKind::BrokenPipe,
        io::ErrorKind::AddrNotAvailable,
        io::ErrorKind::TimedOut,
        io::ErrorKind::Interrupted,
        io::ErrorKind::AddrInUse,
        io::ErrorKind::OutOfMemory,
        io::ErrorKind::NotFound,
        io::ErrorKind::PermissionDenied,
        io::ErrorKind::AlreadyExists,
        io::ErrorKind::InvalidInput,
        io::ErrorKind::InvalidData,
        io::ErrorKind::Unsupported,
        io::ErrorKind::WriteZero,
        io::ErrorKind::Other,
    ];
    for kind in kinds {
        let class = Class::of_embedded_io_kind(&kind).expect("listed");
        assert_eq!(io::Error::from(kind).classify(), class.into(), "{kind:?}");
    }
    assert_eq!(Class::of_embedded_io_kind(&io::ErrorKind::WouldBlock), None);
    for other in ["", "Connection", "NotFoundYet", "notfound"] {
        assert_eq!(Class::of_embedded_io_kind(&format_args!("{other}")), None, "{other}");
    }
}
