//! The client against a server on loopback: what the program leaves out.

use std::fmt::Display;
use std::net::SocketAddr;

use harness::proxy::{Cut, Proxy};
use http_client::client::Http;
use http_client::server::{Answer, ChoosePart, Shop};
use reqwest::{Client, Method, Request, Url};
use retry_core::{Class, Error};
use retry_tokio::ServiceError;
use tokio::net::TcpSocket;
use tower::BoxError;

fn client() -> Http {
    Http::new(|| Client::builder().no_proxy()).unwrap()
}

async fn behind_a_proxy() -> (Shop, Proxy, Http) {
    let shop = Shop::default();
    let proxy = Proxy::start(shop.start().await.unwrap()).await.unwrap();
    (shop, proxy, client())
}

fn url(proxy: &Proxy, path: &str) -> Url {
    format!("http://{}{path}", proxy.address).parse().unwrap()
}

/// Downloads into a file of its own, and returns what it holds then.
async fn download(http: &Http, from: Url) -> Result<Vec<u8>, Error<BoxError>> {
    let port = from.port().unwrap();
    let to = std::env::temp_dir().join(format!("http-client-test-{}-{port}", std::process::id()));
    let downloaded = http.download(from, &to).await;
    let content = std::fs::read(&to);
    _ = std::fs::remove_file(&to);
    downloaded.map(|()| content.unwrap())
}

#[tokio::test]
async fn a_file_that_changes_during_a_download_is_read_from_its_beginning() {
    let (shop, proxy, http) = behind_a_proxy().await;
    let (old, new) = (vec![1; 500_000], vec![2; 400_000]);
    shop.put("/file", old);
    shop.set("/file", vec![Answer::Ok, Answer::Changed(new.clone())]);
    proxy.cut_downloads_after(&[100_000]);
    let file = download(&http, url(&proxy, "/file")).await.unwrap();
    let old = file.iter().filter(|byte| **byte == 1).count();
    assert!(file == new, "{} bytes, of which {old} are old", file.len());
    assert_eq!(shop.seen("/file").len(), 2);
}

#[tokio::test]
async fn an_error_between_two_parts_of_a_download_keeps_the_first() {
    let (shop, proxy, http) = behind_a_proxy().await;
    let content: Vec<_> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
    shop.put("/file", content.clone());
    shop.set("/file", vec![Answer::Ok, Answer::Fail(503, vec![]), Answer::Ok]);
    proxy.cut_downloads_after(&[100_000]);
    assert!(download(&http, url(&proxy, "/file")).await.unwrap() == content);
    let ranges: Vec<_> = shop.seen("/file").into_iter().map(|seen| seen.range).collect();
    assert!(
        ranges.len() == 3 && ranges[0].is_none() && ranges[1].is_some() && ranges[1] == ranges[2],
        "{ranges:?}"
    );
}

fn content_range(start: usize, last: usize, total: impl Display) -> Vec<(&'static str, String)> {
    vec![("content-range", format!("bytes {start}-{last}/{total}"))]
}

/// A connection is cut, and the rest is asked for. The answer has a 206, but not all of the rest, or not the rest at all.
#[tokio::test]
async fn a_part_is_continued_only_by_the_bytes_that_follow_it() {
    use Next::*;
    enum Next {
        /// The next attempt asks for what follows these bytes more.
        Rest(usize),
        Whole,
    }
    let rows: [(&str, Next, ChoosePart); 11] = [
        ("it ends early", Rest(3), |from, all| (content_range(from, from + 2, all), from..from + 3)),
        ("it is shorter than it says", Rest(5), |from, all| {
            (content_range(from, all - 1, all), from..from + 5)
        }),
        ("it is longer than it says", Whole, |from, all| {
            (content_range(from, from + 2, all), from..from + 5)
        }),
        ("it begins at 0", Whole, |_, all| (content_range(0, all - 1, all), 0..all)),
        ("it begins too early", Whole, |from, all| (content_range(from - 1, all - 1, all), from - 1..all)),
        ("it begins too late", Whole, |from, all| (content_range(from + 1, all - 1, all), from + 1..all)),
        ("it ends after its end", Whole, |from, all| (content_range(from, all, all), from..all)),
        ("it has no total", Whole, |from, all| (content_range(from, all - 1, "*"), from..all)),
        ("it has no range", Whole, |from, all| (vec![], from..all)),
        ("its range is no range", Whole, |from, all| {
            (vec![("content-range", format!("lines {from}-{}/{all}", all - 1))], from..all)
        }),
        ("it is of another version", Whole, |from, all| {
            let mut headers = content_range(from, all - 1, all);
            headers.push(("etag", "\"another\"".into()));
            (headers, from..all)
        }),
    ];
    let (shop, proxy, http) = behind_a_proxy().await;
    let content: Vec<_> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
    for (name, next, part) in rows {
        let path = format!("/{}", name.replace(' ', "-"));
        shop.put(&path, content.clone());
        shop.set(&path, vec![Answer::Ok, Answer::Part(part), Answer::Ok]);
        proxy.cut_downloads_after(&[100_000]);
        let file =
            download(&http, url(&proxy, &path)).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(file == content, "{name}: {} of {} bytes", file.len(), content.len());
        let ranges: Vec<_> = shop.seen(&path).into_iter().map(|seen| seen.range).collect();
        let [None, Some(second), third] = &*ranges else { panic!("{name}: {ranges:?}") };
        let from: usize = second.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap();
        let expected = match next {
            Rest(more) => Some(format!("bytes={}-", from + more)),
            Whole => None,
        };
        assert_eq!(*third, expected, "{name}");
    }
}

#[tokio::test]
async fn a_part_that_nobody_asked_for_is_not_taken_for_the_file() {
    let (shop, proxy, http) = behind_a_proxy().await;
    shop.put("/file", b"7 apples".to_vec());
    shop.set("/file", vec![Answer::Part(|_, _| (vec![], 0..4)), Answer::Ok]);
    assert_eq!(download(&http, url(&proxy, "/file")).await.unwrap(), b"7 apples");
    assert_eq!(shop.seen("/file").len(), 2);
}

/// The connection is cut after the last byte of the file, and before the end of the answer. The rest is empty, which is a 416.
#[tokio::test]
async fn a_download_that_breaks_after_its_last_byte_begins_anew() {
    let (shop, proxy, http) = behind_a_proxy().await;
    shop.put("/file", b"7 apples".to_vec());
    shop.set("/file", vec![Answer::Unended, Answer::Ok]);
    proxy.cut_at_answers(1, |exchange| {
        exchange.answer.windows(8).any(|bytes| bytes == b"7 apples").then_some(Cut::AfterAnswer)
    });
    assert_eq!(download(&http, url(&proxy, "/file")).await.unwrap(), b"7 apples");
    let ranges: Vec<_> = shop.seen("/file").into_iter().map(|seen| seen.range).collect();
    assert_eq!(ranges, [None, Some("bytes=8-".to_owned()), None]);
}

#[tokio::test]
async fn a_download_into_a_folder_that_is_missing_says_nothing_about_the_server() {
    let (shop, proxy, http) = behind_a_proxy().await;
    let to = std::env::temp_dir().join("a-folder-that-does-not-exist/file");
    let error = http.download(url(&proxy, "/file"), &to).await.unwrap_err();
    assert!(error.is_neutral() && error.attempts() == 1, "{error}");
    assert_eq!(shop.seen("/file").len(), 1);
}

#[tokio::test]
async fn a_missing_file_ends_a_download_at_once() {
    let (shop, proxy, http) = behind_a_proxy().await;
    shop.set("/file", vec![Answer::Fail(404, vec![])]);
    let error = download(&http, url(&proxy, "/file")).await.unwrap_err();
    assert_eq!((error.class(), error.attempts()), (Some(Class::NotFound), 1));
}

/// Returns the address of a socket that does not listen. It is bound until the test ends, so that no other program gets
/// its port.
fn closed_port() -> SocketAddr {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    std::mem::forget(socket);
    address
}

/// The request cannot have reached a server, but the layer holds to the method.
#[tokio::test]
async fn a_post_to_a_closed_port_is_sent_once() {
    let closed = closed_port();
    let order = Request::new(Method::POST, format!("http://{closed}/orders").parse().unwrap());
    let error = client().send(order).await.unwrap_err();
    assert!(matches!(error, ServiceError::NotRepeatable(_)), "{error}");
}

#[tokio::test]
async fn a_password_stays_out_of_circuits_and_errors() {
    let closed = closed_port();
    let url: Url = format!("http://me:secret@{closed}/").parse().unwrap();
    let http = client();
    let error = http.send(Request::new(Method::GET, url.clone())).await.unwrap_err();
    assert_eq!(http.circuit(&url).name(), closed.to_string());
    assert!(
        error.to_string().contains(&closed.to_string()) && !error.to_string().contains("secret"),
        "{error}"
    );
}

#[tokio::test]
async fn a_missing_upload_says_nothing_about_the_server() {
    let (shop, proxy, http) = behind_a_proxy().await;
    let missing = std::env::temp_dir().join("a-file-that-does-not-exist");
    let upload = http_client::client::Upload { to: url(&proxy, "/file"), file: missing };
    let error = http.upload(upload).await.unwrap_err();
    let ended = error.ended().unwrap();
    assert!(ended.is_neutral() && ended.attempts() == 1 && shop.seen("/file").is_empty(), "{error}");
}
