// Command lego drives go-acme/lego as a library: its own program needs the modules of a hundred DNS providers.
//
// Usage: lego ROW NAME..., with the environment that tests/src/clients/case.rs sets.
package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/go-acme/lego/v5/acme"
	"github.com/go-acme/lego/v5/acme/api"
	"github.com/go-acme/lego/v5/certcrypto"
	"github.com/go-acme/lego/v5/certificate"
	"github.com/go-acme/lego/v5/challenge"
	"github.com/go-acme/lego/v5/challenge/dns01"
	"github.com/go-acme/lego/v5/challenge/tlsalpn01"
	"github.com/go-acme/lego/v5/lego"
	"github.com/go-acme/lego/v5/registration"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if err := run(ctx, os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, row string, names []string) error {
	user, err := newUser("first@example.test")
	if err != nil {
		return err
	}
	client, err := newClient(user, row)
	if err != nil {
		return err
	}
	if user.account, err = register(ctx, client); err != nil {
		return err
	}
	switch row {
	case "update":
		user.email = "second@example.test"
		_, err = client.Registration.UpdateRegistration(ctx, registration.RegisterOptions{TermsOfServiceAgreed: true})
		return err
	case "deactivate":
		return client.Registration.DeleteRegistration(ctx)
	case "rollover":
		if client, err = rollOver(ctx, client, user); err != nil {
			return err
		}
	}
	resource, err := client.Certificate.Obtain(ctx, request(row, names))
	if err != nil {
		return err
	}
	if err := save(resource); err != nil {
		return err
	}
	switch row {
	case "renewal", "replaces":
		return renew(ctx, client, *resource)
	case "revoke":
		reason := uint(acme.CRLReasonSuperseded)
		return client.Certificate.RevokeWithReason(ctx, resource.Certificate, &reason)
	case "revoke-key":
		return revokeWithKey(ctx, client, resource)
	}
	return nil
}

func register(ctx context.Context, client *lego.Client) (*acme.ExtendedAccount, error) {
	if kid := os.Getenv("EAB_KID"); kid != "" {
		return client.Registration.RegisterWithExternalAccountBinding(ctx, registration.RegisterEABOptions{
			TermsOfServiceAgreed: true, Kid: kid, HmacEncoded: os.Getenv("EAB_HMAC"),
		})
	}
	return client.Registration.Register(ctx, registration.RegisterOptions{TermsOfServiceAgreed: true})
}

// rollOver changes the account's key, and returns a client that knows only the new one.
func rollOver(ctx context.Context, client *lego.Client, user *user) (*lego.Client, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if err := client.Registration.KeyRollover(ctx, key); err != nil {
		return nil, err
	}
	user.key = key
	return newClient(user, "rollover")
}

func request(row string, names []string) certificate.ObtainRequest {
	request := certificate.ObtainRequest{
		Domains: names, KeyType: certcrypto.EC256, Bundle: true,
		PreferredChain: os.Getenv("PREFERRED_CHAIN"), Profile: os.Getenv("PROFILE"),
		AlwaysDeactivateAuthorizations: row == "authorization",
	}
	if row == "not-after" {
		request.NotAfter = time.Now().Add(7 * 24 * time.Hour)
	}
	return request
}

// renew asks when to renew, and orders a certificate that replaces the first.
func renew(ctx context.Context, client *lego.Client, resource certificate.Resource) error {
	block, _ := pem.Decode(resource.Certificate)
	first, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return err
	}
	if _, err := client.Certificate.GetRenewalInfo(ctx, first); err != nil {
		return err
	}
	id, err := api.MakeARICertID(first)
	if err != nil {
		return err
	}
	replacing := request("renewal", resource.Domains)
	replacing.ReplacesCertID = id
	second, err := client.Certificate.Obtain(ctx, replacing)
	if err != nil {
		return err
	}
	return save(second)
}

// revokeWithKey signs the revocation with the certificate's own key.
func revokeWithKey(ctx context.Context, client *lego.Client, resource *certificate.Resource) error {
	key, err := certcrypto.ParsePEMPrivateKey(resource.PrivateKey)
	if err != nil {
		return err
	}
	other, err := newClient(&user{key: key}, "revoke-key")
	if err != nil {
		return err
	}
	reason := uint(acme.CRLReasonKeyCompromise)
	return other.Certificate.RevokeWithReason(ctx, resource.Certificate, &reason)
}

func save(resource *certificate.Resource) error {
	return os.WriteFile(filepath.Join(os.Getenv("OUT"), "chain.pem"), resource.Certificate, 0o644)
}

type user struct {
	email   string
	key     crypto.Signer
	account *acme.ExtendedAccount
}

func newUser(email string) (*user, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return &user{email: email, key: key}, err
}

func (u *user) GetEmail() string                       { return u.email }
func (u *user) GetRegistration() *acme.ExtendedAccount { return u.account }
func (u *user) GetPrivateKey() crypto.Signer           { return u.key }

func newClient(user *user, row string) (*lego.Client, error) {
	root, err := os.ReadFile(os.Getenv("ACME_ROOT"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(root)
	config := lego.NewConfig(user)
	config.CADirURL = os.Getenv("ACME_DIRECTORY")
	config.HTTPClient = &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}},
	}
	client, err := lego.NewClient(config)
	if err != nil {
		return nil, err
	}
	switch row {
	case "dns-01":
		ready := func(context.Context, string, string, string, dns01.PreCheckFunc) (bool, error) { return true, nil }
		err = client.Challenge.SetDNS01Provider(zone{config.HTTPClient}, dns01.WrapPreCheck(ready))
	case "tls-alpn-01":
		err = client.Challenge.SetTLSALPN01Provider(tlsalpn01.NewProviderServer("127.0.0.1", os.Getenv("TLS_PORT")))
	default:
		err = client.Challenge.SetHTTP01Provider(webroot(os.Getenv("WEBROOT")))
	}
	return client, err
}

type webroot string

var _ challenge.Provider = webroot("")

func (w webroot) Present(_ context.Context, _, token, keyAuth string) error {
	return os.WriteFile(filepath.Join(string(w), token), []byte(keyAuth), 0o644)
}

func (w webroot) CleanUp(_ context.Context, _, token, _ string) error {
	return os.Remove(filepath.Join(string(w), token))
}

// zone sets TXT records at the test CA's management endpoint.
type zone struct{ http *http.Client }

func (z zone) Present(ctx context.Context, domain, _, keyAuth string) error {
	return z.post(ctx, "set-txt", domain, keyAuth)
}

func (z zone) CleanUp(ctx context.Context, domain, _, keyAuth string) error {
	return z.post(ctx, "clear-txt", domain, keyAuth)
}

func (z zone) post(ctx context.Context, command, domain, keyAuth string) error {
	info := dns01.GetChallengeInfo(ctx, domain, keyAuth)
	body, err := json.Marshal(map[string]string{"host": info.EffectiveFQDN, "value": info.Value})
	if err != nil {
		return err
	}
	url := os.Getenv("ACME_ORIGIN") + "/management/" + command
	answer, err := z.http.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, answer.Status)
	}
	return nil
}
