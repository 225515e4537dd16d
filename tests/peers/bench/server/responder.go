package main

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// A responder responds to validations in the name of the account that was registered last.
type responder struct {
	delay      time.Duration
	thumbprint atomic.Value
}

func (r *responder) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	time.Sleep(r.delay)
	fmt.Fprintf(writer, "%s.%s", path.Base(request.URL.Path), r.thumbprint.Load())
}

// learn keeps the thumbprint of each key that signs a request.
func (r *responder) learn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		if request.Method == http.MethodPost && r.delay > 0 {
			body, err := io.ReadAll(request.Body)
			if err != nil {
				return
			}
			request.Body = io.NopCloser(bytes.NewReader(body))
			if thumbprint := thumbprintIn(body); thumbprint != "" {
				r.thumbprint.Store(thumbprint)
			}
		}
		next.ServeHTTP(writer, request)
	})
}

// thumbprintIn returns the thumbprint of the key in a JWS, or nothing if it names an account.
func thumbprintIn(body []byte) string {
	var signed struct{ Protected string }
	var header struct{ JWK *jose.JSONWebKey }
	if json.Unmarshal(body, &signed) != nil {
		return ""
	}
	protected, err := base64.RawURLEncoding.DecodeString(signed.Protected)
	if err != nil || json.Unmarshal(protected, &header) != nil || header.JWK == nil {
		return ""
	}
	thumbprint, err := header.JWK.Thumbprint(crypto.SHA256)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(thumbprint)
}
