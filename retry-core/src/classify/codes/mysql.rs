//! Error numbers of MySQL and MariaDB.

use crate::class::Class;

impl Class {
    /// Returns the class of an error number of MySQL, MariaDB or TiDB: of the server (from 1000), or of the client
    /// library (2000 to 2999).
    ///
    /// The number says more than the [SQLSTATE](Self::of_sqlstate) beside it, which is often the general `HY000`.
    ///
    /// | class | numbers |
    /// |---|---|
    /// | `Transient` | 1213 deadlock, 1205 lock wait, 1206, 1614, 1637, 3058, 3101, 3572; 1040, 1203 connections; 1037, 1038, 1041, 1135, 2008 memory; 1053 shutdown; 3032, 3168 offline; 1290, 1792, 1836 read-only, as while a replica takes over; 1047 (Galera is not ready), 1020, 1180, 1297, 1317, 1412, 1615, 1689, 3100; TiDB: 8002, 8005, 8020, 8022, 8027, 8028, 8229, 9003 to 9008, 9010, 9011, 9013 |
    /// | `Network` | 2001 to 2006, 2012, 2013, 2027, 2055, 1042, 1043, 1080, 1152, 1156 to 1158, 1160, 1184, 1189, 1190, 1927; 3169, 4031 ended by the server |
    /// | `Timeout` | 1159, 1161, 1613, 1969, 3024; TiDB: 9001, 9002, 9012 |
    /// | `RateLimit` | 1226 user limit exceeded; TiDB: 8252 |
    /// | `Client` | 1044, 1045, 1095, 1129, 1130, 1142, 1143, 1227, 1370, 1698, 1820, 1862, 3118 not allowed; 1022, 1062, 1169, 1586, 1761, 1762 duplicate; 1216, 1217, 1451, 1452 foreign key; 1007, 1050, 1060, 1061, 1304 exists |
    /// | `NotFound` | 1008, 1049, 1051, 1091, 1109, 1146, 1176, 1305, 1360 |
    /// | `Validation` | 1048, 1054, 1064, 1065, 1101, 1136, 1149, 1153, 1264 to 1267, 1292, 1364, 1366, 1406, 1690, 2020, 3140, 3819, 4025 (in MariaDB a check) |
    /// | `Permanent` | 1021, 1114 full; 1194, 1195 storage; 1193, 1235, 1286, 1289, 2007, 2054, 2059 not supported; 2014 misuse; 2026 TLS |
    /// | `Unknown` | 1105, 2000; 1030 an error of the storage engine, with its number only in the text |
    ///
    /// Sources: MySQL's [server errors] and [client errors], MariaDB's [error codes], TiDB's [error codes][tidb].
    ///
    /// [server errors]: https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
    /// [client errors]: https://dev.mysql.com/doc/mysql-errors/8.4/en/client-error-reference.html
    /// [error codes]: https://mariadb.com/kb/en/mariadb-error-code-reference/
    /// [tidb]: https://docs.pingcap.com/tidb/stable/error-codes
    ///
    /// ```
    /// use retry_core::Class;
    ///
    /// assert_eq!(Class::of_mysql_error(1213), Some(Class::Transient));
    /// assert_eq!(Class::of_mysql_error(1062), Some(Class::Client));
    /// assert_eq!(Class::of_mysql_error(0), None);
    /// ```
    pub const fn of_mysql_error(code: u16) -> Option<Self> {
        Some(match code {
            1020
            | 1037
            | 1038
            | 1040
            | 1041
            | 1047
            | 1053
            | 1135
            | 1180
            | 1203
            | 1205
            | 1206
            | 1213
            | 1290
            | 1297
            | 1317
            | 1412
            | 1614
            | 1615
            | 1637
            | 1689
            | 1792
            | 1836
            | 2008
            | 3032
            | 3058
            | 3100
            | 3101
            | 3168
            | 3572
            | 8002
            | 8005
            | 8020
            | 8022
            | 8027
            | 8028
            | 8229
            | 9003..=9008
            | 9010
            | 9011
            | 9013 => Self::Transient,
            1042
            | 1043
            | 1080
            | 1152
            | 1156..=1158
            | 1160
            | 1184
            | 1189
            | 1190
            | 1927
            | 2001..=2006
            | 2012
            | 2013
            | 2027
            | 2055
            | 3169
            | 4031 => Self::Network,
            1159 | 1161 | 1613 | 1969 | 3024 | 9001 | 9002 | 9012 => Self::Timeout,
            1226 | 8252 => Self::RateLimit,
            1007
            | 1022
            | 1044
            | 1045
            | 1050
            | 1060..=1062
            | 1095
            | 1129
            | 1130
            | 1142
            | 1143
            | 1169
            | 1216
            | 1217
            | 1227
            | 1304
            | 1370
            | 1451
            | 1452
            | 1586
            | 1698
            | 1761
            | 1762
            | 1820
            | 1862
            | 3118 => Self::Client,
            1008 | 1049 | 1051 | 1091 | 1109 | 1146 | 1176 | 1305 | 1360 => Self::NotFound,
            1048
            | 1054
            | 1064
            | 1065
            | 1101
            | 1136
            | 1149
            | 1153
            | 1264..=1267
            | 1292
            | 1364
            | 1366
            | 1406
            | 1690
            | 2020
            | 3140
            | 3819
            | 4025 => Self::Validation,
            1021 | 1114 | 1193 | 1194 | 1195 | 1235 | 1286 | 1289 | 2007 | 2014 | 2026 | 2054 | 2059 => {
                Self::Permanent
            }
            1030 | 1105 | 2000 => Self::Unknown,
            _ => return None,
        })
    }
}

/// Numbers with names that do not contain words for their class.
const NAMES: &[super::Row<()>] = &[
    ((), "ER_CON_COUNT_ERROR", Class::Transient),
    ((), "ER_OPTION_PREVENTS_STATEMENT", Class::Transient),
    ((), "ER_DUP_ENTRY", Class::Client),
    ((), "ER_DBACCESS_DENIED_ERROR", Class::Client),
    ((), "ER_BAD_DB_ERROR", Class::NotFound),
    ((), "ER_BAD_FIELD_ERROR", Class::Validation),
    ((), "ER_BAD_NULL_ERROR", Class::Validation),
    ((), "ER_PARSE_ERROR", Class::Validation),
    ((), "ER_DATA_TOO_LONG", Class::Validation),
    ((), "CR_SERVER_LOST", Class::Network),
    ((), "CR_SERVER_GONE_ERROR", Class::Network),
];

/// Returns the class of a number by its name, such as `ER_CON_COUNT_ERROR`.
pub(in crate::classify) fn named(name: &str) -> Option<Class> {
    super::named(NAMES, name)
}
