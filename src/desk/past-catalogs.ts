/** The catalogs by which statements of a log were judged, as they were kept beside it. */
import { catalogIn, catalogText } from '../catalog/file.ts';
import { type KeptStatement, type KeptStatements, unpackedCatalog } from '../decision-log/statements/read.ts';
import { Catalog, type CatalogData } from '../sql/catalog/catalog.ts';

export class PastCatalogs {
  private readonly known = new Map<string, Catalog | undefined>();
  private readonly today: string;

  constructor(
    private readonly kept: KeptStatements['catalogs'],
    private readonly current: Catalog,
  ) {
    this.today = comparable(current.data);
  }

  /** The catalog of that time: today's if the statement names the same or none; undefined if it was not kept. */
  of(statement: KeptStatement | undefined): Catalog | undefined {
    const name = statement?.catalog;
    if (name === undefined) return this.current;
    if (!this.known.has(name)) this.known.set(name, this.read(name));
    return this.known.get(name);
  }

  /** Whether it was judged by another catalog than today's. */
  hasChanged(statement: KeptStatement | undefined): boolean {
    return this.of(statement) !== this.current;
  }

  private read(name: string): Catalog | undefined {
    const packed = this.kept.get(name);
    if (packed === undefined) return undefined;
    const data = catalogIn(unpackedCatalog(packed), 'a catalog that was kept beside the log');
    return comparable(data) === this.today ? this.current : new Catalog(data);
  }
}

/** What a catalog in a file has beyond that (`reaches`, `bodies`) judges no statement; and a reader orders the keys as its schema does. */
function comparable({ reaches: _reaches, bodies: _bodies, ...data }: CatalogData): string {
  return catalogText(catalogIn(catalogText(data), 'the catalog'));
}
