// Puts a key for external account binding into the database of a step-ca that is not running.
//
// The open-source step-ca demands and checks bindings, but its admin API refuses to make keys for them
// ("currently only available in Certificate Manager"). So this writes what its database layer would have written.
//
//	step-ca-eab DATABASE KID KEY
//
// DATABASE is a bbolt file and KEY the MAC key as unpadded base64url.
package main

import (
	"encoding/base64"
	"encoding/json"
	"log"
	"os"
	"time"

	"go.etcd.io/bbolt"
)

// The fields, their names and their order are those of step-ca: it compares whole documents when it updates one.
type key struct {
	ID            string    `json:"id"`
	ProvisionerID string    `json:"provisionerID"`
	Reference     string    `json:"reference"`
	AccountID     string    `json:"accountID,omitempty"`
	HmacKey       []byte    `json:"key"`
	CreatedAt     time.Time `json:"createdAt"`
	BoundAt       time.Time `json:"boundAt"`
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: step-ca-eab DATABASE KID KEY")
	}
	mac, err := base64.RawURLEncoding.DecodeString(os.Args[3])
	check(err)
	// A provisioner of the configuration file has an empty identifier.
	document, err := json.Marshal(key{ID: os.Args[2], HmacKey: mac, CreatedAt: time.Now().UTC().Truncate(time.Second)})
	check(err)
	db, err := bbolt.Open(os.Args[1], 0o600, &bbolt.Options{Timeout: 5 * time.Second})
	check(err)
	check(db.Update(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists([]byte("acme_external_account_keys"))
		if err != nil {
			return err
		}
		return bucket.Put([]byte(os.Args[2]), document)
	}))
	check(db.Close())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
