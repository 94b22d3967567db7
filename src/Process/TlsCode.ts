/**
 * Whether a code of an error is about TLS: a certificate that is not accepted, or a file that the client cannot load.
 * The codes are those of Node and Deno.
 */
export const isTlsCode = (code: string) =>
  /^(TLS|ERR_TLS_.*|ERR_SSL_.*|CERT_.*|UNABLE_TO_.*|.*SELF_SIGNED.*|HOSTNAME_MISMATCH|INVALID_CA)$/.test(code)
