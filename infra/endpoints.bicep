metadata description = 'Private endpoints with their DNS zones.'

@description('Region.')
param location string
@description('Tags.')
param tags object
@description('Resource id of the virtual network.')
param networkId string
@description('Subnet of the endpoints.')
param subnetId string
@description('What gets an endpoint and a zone of its own.')
param services service[]
@description('The second vault, which shares the zone of the first.')
param temporaryVaultId string

@description('A service with a private endpoint.')
type service = {
  @description('Name of the endpoint.')
  name: string
  @description('Resource id of the service.')
  resourceId: string
  @description('Which part of it.')
  groupId: string
  @description('Name of the DNS zone.')
  zone: string
}

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for item in services: {
    name: item.zone
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (item, index) in services: {
    parent: zones[index]
    name: 'arcway'
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      virtualNetwork: {
        id: networkId
      }
    }
  }
]

resource endpoints 'Microsoft.Network/privateEndpoints@2025-09-01' = [
  for item in services: {
    name: 'pe-${item.name}'
    location: location
    tags: tags
    properties: {
      subnet: {
        id: subnetId
      }
      privateLinkServiceConnections: [
        {
          name: item.name
          properties: {
            privateLinkServiceId: item.resourceId
            groupIds: [
              item.groupId
            ]
          }
        }
      ]
    }
  }
]

resource groups 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-09-01' = [
  for (item, index) in services: {
    parent: endpoints[index]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: item.name
          properties: {
            privateDnsZoneId: zones[index].id
          }
        }
      ]
    }
  }
]

resource temporaryVault 'Microsoft.Network/privateEndpoints@2025-09-01' = {
  name: 'pe-vault-temporary'
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnetId
    }
    privateLinkServiceConnections: [
      {
        name: 'vault-temporary'
        properties: {
          privateLinkServiceId: temporaryVaultId
          groupIds: [
            'vault'
          ]
        }
      }
    ]
  }
}

resource temporaryVaultGroup 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-09-01' = {
  parent: temporaryVault
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: 'vault'
        properties: {
          privateDnsZoneId: resourceId('Microsoft.Network/privateDnsZones', 'privatelink.vaultcore.azure.net')
        }
      }
    ]
  }
  dependsOn: [
    zones
  ]
}
