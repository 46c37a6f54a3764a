//! The byte stream of one connection, plain or with TLS.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};
use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// A byte stream that does not block.
pub enum Link {
    Plain(File),
    Tls(Box<rustls::StreamOwned<ClientConnection, File>>),
}

impl Link {
    /// A stream on a connected socket.
    pub fn new(socket: OwnedFd, tls: Option<&Arc<ClientConfig>>) -> Result<Link, Box<dyn Error>> {
        let socket = File::from(socket);
        match tls {
            None => Ok(Link::Plain(socket)),
            Some(config) => {
                let connection = ClientConnection::new(config.clone(), ServerName::try_from("localhost")?)?;
                Ok(Link::Tls(Box::new(rustls::StreamOwned::new(connection, socket))))
            }
        }
    }

    /// Whether the socket has everything that was written.
    pub fn is_flushed(&self) -> bool {
        match self {
            Link::Plain(_) => true,
            Link::Tls(stream) => !stream.conn.wants_write(),
        }
    }

    /// Whether the TLS handshake, if there is one, is over.
    pub fn is_open(&self) -> bool {
        match self {
            Link::Plain(_) => true,
            Link::Tls(stream) => !stream.conn.is_handshaking(),
        }
    }

    /// Continues the handshake as far as possible.
    pub fn shake_hands(&mut self) -> io::Result<()> {
        if let Link::Tls(stream) = self {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(())
    }

    /// Tells the peer that nothing more will be written.
    pub fn finish(&mut self) {
        if let Link::Tls(stream) = self {
            stream.conn.send_close_notify();
            // The peer may be gone already.
            let _ = stream.conn.write_tls(&mut stream.sock);
        }
    }
}

impl Read for Link {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Link::Plain(socket) => socket.read(buffer),
            Link::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Link {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self {
            Link::Plain(socket) => socket.write(data),
            Link::Tls(stream) => stream.write(data),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Link::Plain(_) => Ok(()),
            Link::Tls(stream) => stream.flush(),
        }
    }
}

/// The configuration of clients that accept any certificate and resume no session.
pub fn tls_config() -> Result<Arc<ClientConfig>, Box<dyn Error>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

/// The benchmark's server has a self-signed certificate.
#[derive(Debug)]
struct AnyCertificate(Arc<rustls::crypto::CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
