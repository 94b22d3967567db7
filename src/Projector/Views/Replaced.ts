import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { allRows } from "../../Database/Rows.ts"

const Replaced = Schema.Struct({
  /** Its name as SQL: quoted, and with its schema when that is needed. */
  name: Schema.String,
  /** The name under which a projection defines it; null for a view of a user. */
  own: Schema.NullOr(Schema.String),
  /** A view that it reads, as SQL. */
  reads: Schema.String,
  materialized: Schema.Boolean,
  query: Schema.String,
  /** Its options as SQL, such as ` with (security_barrier=true)`; empty without options. */
  options: Schema.String
})

/** A view that is replaced, or that reads a replaced one. */
export type Replaced = typeof Replaced.Type

const allReplaced = allRows(Replaced)

/**
 * The existing views of these names, and every view that reads them, directly or through other views. A view comes
 * after all views that it reads.
 */
export const replacedBy = Effect.fnUntraced(function*(names: ReadonlyArray<string>) {
  const sql = yield* SqlClient
  return yield* allReplaced(sql`
    with recursive named as (
      select name, to_regclass(name)::oid as view from unnest(${names}::text[]) as name
    ),
    reading (view, reads, depth) as (
      select view, view, 0 from named where view is not null
      union
      select rule.ev_class, reading.view, reading.depth + 1
      from reading
        join pg_depend on refclassid = 'pg_class'::regclass and refobjid = reading.view
          and classid = 'pg_rewrite'::regclass and deptype = 'n'
        join pg_rewrite as rule on rule.oid = objid and rule.rulename = '_RETURN'
          and rule.ev_class <> reading.view
    )
    select view::regclass::text as name, (select named.name from named where named.view = found.view) as own,
      reads::regclass::text as reads, relkind = 'm' as materialized,
      rtrim(pg_get_viewdef(view), ';') as query,
      coalesce(' with (' || array_to_string(reloptions, ', ') || ')', '') as options
    from (
      select view, max(depth) as depth, (array_agg(reads order by depth desc, reads))[1] as reads
      from reading group by view
    ) as found join pg_class on pg_class.oid = view
    where relkind in ('v', 'm')
    order by depth, view`)
})

const allParts = allRows(Schema.Struct({
  name: Schema.String,
  /** The column that the statement is about; null when it is about the view. */
  column: Schema.NullOr(Schema.String),
  statement: Schema.String
}))

/**
 * Statements that restore what is defined for views beside query and options: defaults, triggers, rules, comments,
 * security labels, owner and grants.
 */
export const partsOf = Effect.fnUntraced(function*(views: ReadonlyArray<Replaced>) {
  const sql = yield* SqlClient
  return yield* allParts(sql`
    with views as (
      select name, pg_class.oid as view, relowner, coalesce(relacl, acldefault('r', relowner)) as acl
      from unnest(${
    views.map(({ name }) => name)
  }::text[]) as name join pg_class on pg_class.oid = name::regclass
    ),
    columns as (
      select name, view, attnum, attname, attacl from views join pg_attribute on attrelid = view
      where attnum > 0 and not attisdropped
    ),
    parts (step, name, "column", statement) as (
      select 1, name, attname, format('alter view %s alter column %I set default %s', name, attname,
        pg_get_expr(adbin, adrelid))
      from columns join pg_attrdef on adrelid = view and adnum = attnum
      union all
      select 2, name, null, pg_get_triggerdef(pg_trigger.oid) from views join pg_trigger on tgrelid = view
      where not tgisinternal
      union all
      select 3, name, null, pg_get_ruledef(pg_rewrite.oid) from views join pg_rewrite on ev_class = view
      where rulename <> '_RETURN'
      union all
      ${described(sql)}
      union all
      select 6, name, null, format('alter view %s owner to %I', name, pg_get_userbyid(relowner)) from views
      where pg_get_userbyid(relowner) <> current_user
      union all
      select 7, name, null, format('grant %s on %s to %s%s', privilege_type, name, ${grantee(sql)}, ${
    option(sql)
  })
      from views, aclexplode(acl)
      union all
      select 8, name, attname, format('grant %s (%I) on %s to %s%s', privilege_type, attname, name,
        ${grantee(sql)}, ${option(sql)})
      from columns, aclexplode(attacl)
    )
    select name, "column", statement from parts order by step`)
})

/** Comments and security labels of `views` and `columns`. */
const described = (sql: SqlClient) =>
  sql`
      select 4, name, null, format('comment on view %s is %L', name, obj_description(view, 'pg_class')) from views
      where obj_description(view, 'pg_class') is not null
      union all
      select 5, name, attname, format('comment on column %s.%I is %L', name, attname, col_description(view, attnum))
      from columns where col_description(view, attnum) is not null
      union all
      select 4, name, null, format('comment on trigger %I on %s is %L', tgname, name,
        obj_description(pg_trigger.oid, 'pg_trigger'))
      from views join pg_trigger on tgrelid = view
      where not tgisinternal and obj_description(pg_trigger.oid, 'pg_trigger') is not null
      union all
      select 4, name, null, format('comment on rule %I on %s is %L', rulename, name,
        obj_description(pg_rewrite.oid, 'pg_rewrite'))
      from views join pg_rewrite on ev_class = view
      where rulename <> '_RETURN' and obj_description(pg_rewrite.oid, 'pg_rewrite') is not null
      union all
      select 5, name, null, format('security label for %I on view %s is %L', provider, name, label)
      from views join pg_seclabel on objoid = view and classoid = 'pg_class'::regclass and objsubid = 0
      union all
      select 5, name, attname, format('security label for %I on column %s.%I is %L', provider, name, attname, label)
      from columns join pg_seclabel on objoid = view and classoid = 'pg_class'::regclass and objsubid = attnum`

const grantee = (sql: SqlClient) =>
  sql.literal("case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end")

const option = (sql: SqlClient) => sql.literal("case when is_grantable then ' with grant option' else '' end")
