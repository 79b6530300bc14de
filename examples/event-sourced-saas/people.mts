// Personal data, apart from the ledger: a journal that keeps the last record of each person. An erasure appends a record
// without a profile and compacts. Then no file has the earlier records any more.
import { type DurableJournal, openJournal, type System } from 'keelson'

/** Personal data. */
export interface Profile {
  readonly name: string
  readonly email: string
}

/** A record of a person. `profile` is absent once the person is erased. */
export interface PersonRecord {
  readonly person: string
  readonly tenant: string
  readonly profile?: Profile
}

export class People {
  readonly #journal: DurableJournal<PersonRecord>
  /** The last record of each person. It is in memory alone: a saved state would be a second copy to erase. */
  readonly #records = new Map<string, PersonRecord>()

  private constructor(journal: DurableJournal<PersonRecord>) {
    this.#journal = journal
    for (const { data } of journal.entries()) this.#records.set(data.person, data)
  }

  static async open(directory: string, system: System): Promise<People> {
    return new People(await openJournal<PersonRecord>(directory, { system, key: ({ person }) => person }))
  }

  get(person: string): PersonRecord | undefined {
    return this.#records.get(person)
  }

  /** Returns the profile of the first person of a tenant that has one. */
  ofTenant(tenant: string): Profile | undefined {
    for (const record of this.#records.values()) {
      if (record.tenant === tenant && record.profile !== undefined) return record.profile
    }
    return undefined
  }

  /** Adds a person, or changes the profile of one. */
  async put(record: PersonRecord): Promise<void> {
    await this.#journal.append(record)
    this.#records.set(record.person, record)
  }

  /** Resolves once no file has the person's data. Returns false for a person without data. */
  async erase(person: string): Promise<boolean> {
    const record = this.#records.get(person)
    if (record?.profile === undefined) return false
    await this.put({ person, tenant: record.tenant })
    await this.#journal.compact()
    return true
  }

  close(): Promise<void> {
    return this.#journal.close()
  }
}
