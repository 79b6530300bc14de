import { shopChart, shopLab, type ShopResult, shopTable } from './shop.mjs'

describe('the shop lab', () => {
  let results: ShopResult[] = []
  beforeAll(async () => void (results = await shopLab(1)))
  const shop = (name: string): ShopResult => results.find((one) => one.name === name) as ShopResult

  test('a bare shop collapses in the rush, and does not come back in the evening', () => {
    expect(shop('bare').revenue).toBeLessThan(0.3)
    expect(sumOf(shop('bare').perSecond.slice(-20))).toBe(0)
  })

  test('a fixed limit helps until the database is slower than the limit assumes', () => {
    const { perSecond, revenue } = shop('fixed limit')
    expect(revenue).toBeGreaterThan(shop('bare').revenue)
    // The rush, and then the slow database.
    expect(sumOf(perSecond.slice(15, 35))).toBeGreaterThan(5 * sumOf(perSecond.slice(40, 55)))
    expect(revenue).toBeLessThan(0.5)
  })

  test('the gate keeps nearly all of the revenue, without knowing the capacity', () => {
    expect(shop('gate').revenue).toBeGreaterThan(0.95)
  })

  test('the gate sheds the least important pages first', () => {
    const { checkout, cart, search, tips } = shop('gate').served as Record<string, number>
    expect(checkout).toBeGreaterThan(0.95)
    expect(cart).toBeLessThan(checkout!)
    expect(search).toBeLessThan(cart!)
    expect(tips).toBeLessThan(search!)
    expect(tips).toBeGreaterThan(0)
  })

  test('the other shops treat all pages alike', () => {
    for (const name of ['bare', 'fixed limit']) {
      const shares = Object.values(shop(name).served)
      expect(Math.max(...shares) - Math.min(...shares)).toBeLessThan(0.1)
    }
  })

  test('the same seed gives the same day, another seed another day', async () => {
    expect(await shopLab(1, ['gate'])).toEqual([shop('gate')])
    const [other] = await shopLab(2, ['gate'])
    expect(other).not.toEqual(shop('gate'))
    expect(other?.revenue).toBeGreaterThan(0.95)
  })

  test('the table and the chart have each shop', () => {
    for (const { name } of results) expect(shopTable(results)).toContain(name)
    const { bands, series } = shopChart(results)
    expect(series.map(({ name, points }) => [name, points.length])).toEqual(results.map(({ name }) => [name, 75]))
    expect(bands.at(-1)).toMatchObject({ name: 'evening', to: 75 })
  })
})

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)
